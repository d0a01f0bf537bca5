/* rules_aggregate.h - "aggregate" of a rule: one mapping, or a list of them. */
#ifndef HR_RULES_AGGREGATE_H
#define HR_RULES_AGGREGATE_H

#include "base/hr.h"
#include "base/yaml.h"
#include "rule/rules.h"

/* For the table of a rule's keys; to is a struct hr_rule. */
int hr_rules_take_aggregates(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to);
void hr_rule_aggregate_clear(struct hr_rule_aggregate *a);

#endif
