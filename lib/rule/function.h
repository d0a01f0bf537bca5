/* function.h - the functions that an expression can call. */
#ifndef HR_FUNCTION_H
#define HR_FUNCTION_H

#include "rule/check.h"

/* The arguments have their types; 0, or -1 with *e set. */
int hr_function_check(struct hr_check *c, struct hr_node *n) HR_USED;

#endif
