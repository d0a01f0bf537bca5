/* tls.c - contexts from files, sessions from contexts, names from certificates. */

#include "base/hr.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "net/tls.h"

#define SUITES	"TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define FILES	4

struct hr_tls {
	struct hr_tls_files files;
	bool server;
	SSL_CTX *ctx;
	struct stat seen[FILES];
};

/* libssl's own words, for behind a colon. */
static const char *
reason(void)
{
	unsigned long code = ERR_peek_last_error();
	const char *text = ERR_reason_error_string(code);

	if (ERR_SYSTEM_ERROR(code))
		text = strerror(ERR_GET_REASON(code));
	ERR_clear_error();
	return text ? text : "unknown error";
}

/* Can it be read?  libssl would only say that it cannot. */
static int
check_file(const char *what, const char *path, struct hr_err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	bool good = fd >= 0 && fstat(fd, &st) == 0;

	if (good && S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		good = false;
	}
	if (!good) {
		hr_fail_sys(e, "cannot read TLS %s '%s'", what, path);
		e->code = HR_CONFIG;
	}
	if (fd >= 0)
		close(fd);
	return good ? 0 : -1;
}

static int
check_files(const struct hr_tls_files *f, struct hr_err *e)
{
	if (check_file("key", f->key, e) < 0 || check_file("certificate", f->cert, e) < 0 ||
	    check_file("authority", f->ca, e) < 0)
		return -1;
	return f->crl ? check_file("revocation list", f->crl, e) : 0;
}

static int
check_key_mode(const char *path, struct hr_err *e)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		hr_fail_sys(e, "cannot read TLS key '%s'", path);
		e->code = HR_CONFIG;
		return -1;
	}
	/* As libpq: root's key may be read by its group. */
	if (S_ISREG(st.st_mode) && (st.st_mode & (st.st_uid == 0 ? 027 : 077))) {
		hr_fail(e, HR_CONFIG, "TLS key '%s' is open to others than its owner: its mode is %04o", path,
		    st.st_mode & 07777);
		return hr_hint(e, "run 'chmod 600 %s'", path);
	}
	return 0;
}

static int
add_crl(SSL_CTX *ctx, const char *path)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);

	if (X509_STORE_load_file(store, path) != 1)
		return 0;
	return X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
}

static SSL_CTX *
make(const struct hr_tls_files *f, bool server, struct hr_err *e)
{
	SSL_CTX *ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());

	if (ctx == NULL) {
		hr_fail_mem(e);
		return NULL;
	}
	ERR_clear_error();
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) != 1 || SSL_CTX_set_num_tickets(ctx, 0) != 1 ||
	    SSL_CTX_set_max_early_data(ctx, 0) != 1) {
		hr_fail(e, HR_MISSING, "libssl does not do TLS 1.3 as it is wanted: %s", reason());
		SSL_CTX_free(ctx);
		return NULL;
	}
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_default_read_buffer_len(ctx, 256 * 1024);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	ERR_clear_error();
	if (SSL_CTX_set_ciphersuites(ctx, SUITES) != 1)
		hr_fail(e, HR_MISSING, "libssl does not have the TLS 1.3 suites: %s", reason());
	else if (check_files(f, e) < 0 || check_key_mode(f->key, e) < 0)
		;
	else if (SSL_CTX_use_certificate_chain_file(ctx, f->cert) != 1)
		hr_fail(e, HR_CONFIG, "cannot use TLS certificate '%s': %s", f->cert, reason());
	else if (SSL_CTX_use_PrivateKey_file(ctx, f->key, SSL_FILETYPE_PEM) != 1)
		hr_fail(e, HR_CONFIG, "cannot use TLS key '%s': %s", f->key, reason());
	else if (SSL_CTX_check_private_key(ctx) != 1)
		hr_fail(e, HR_CONFIG, "TLS key '%s' is not that of certificate '%s'", f->key, f->cert);
	else if (SSL_CTX_load_verify_file(ctx, f->ca) != 1)
		hr_fail(e, HR_CONFIG, "cannot use TLS authority '%s': %s", f->ca, reason());
	else if (f->crl && add_crl(ctx, f->crl) != 1)
		hr_fail(e, HR_CONFIG, "cannot use TLS revocation list '%s': %s", f->crl, reason());
	else {
		if (server)
			SSL_CTX_set_client_CA_list(ctx, SSL_load_client_CA_file(f->ca));
		return ctx;
	}
	SSL_CTX_free(ctx);
	return NULL;
}

static void
look(const struct hr_tls_files *f, struct stat seen[FILES])
{
	const char *const path[FILES] = { f->cert, f->key, f->ca, f->crl };
	size_t i;

	memset(seen, 0, FILES * sizeof(seen[0]));
	for (i = 0; i < FILES; i++)
		if (path[i])
			(void)!stat(path[i], &seen[i]);
}

static bool
changed(const struct stat a[FILES], const struct stat b[FILES])
{
	size_t i;

	for (i = 0; i < FILES; i++)
		if (a[i].st_ino != b[i].st_ino || a[i].st_dev != b[i].st_dev || a[i].st_size != b[i].st_size ||
		    a[i].st_mtim.tv_sec != b[i].st_mtim.tv_sec || a[i].st_mtim.tv_nsec != b[i].st_mtim.tv_nsec)
			return true;
	return false;
}

int
hr_tls_open(struct hr_tls **t, const struct hr_tls_files *files, bool server, struct hr_err *e)
{
	struct stat seen[FILES];
	SSL_CTX *ctx;

	*t = NULL;
	look(files, seen);
	if ((ctx = make(files, server, e)) == NULL)
		return -1;
	*t = hr_zalloc(sizeof(**t));
	**t = (struct hr_tls){ .files = *files, .server = server, .ctx = ctx };
	memcpy((*t)->seen, seen, sizeof(seen));
	return 0;
}

void
hr_tls_close(struct hr_tls *t)
{
	if (t)
		SSL_CTX_free(t->ctx);
	free(t);
}

static void
reload(struct hr_tls *t)
{
	struct hr_err e = HR_ERR_INIT;
	struct stat now[FILES];
	SSL_CTX *ctx;

	look(&t->files, now);
	if (!changed(now, t->seen))
		return;
	memcpy(t->seen, now, sizeof(now));
	if ((ctx = make(&t->files, t->server, &e)) == NULL) {
		hr_within(&e, "the certificate that was read before stays in use");
		hr_log_err(HR_LOG_WARNING, &e);
		return;
	}
	SSL_CTX_free(t->ctx);		/* sessions keep theirs */
	t->ctx = ctx;
	hr_log(HR_LOG_NOTE, "read TLS certificate '%s' again", t->files.cert);
}

static bool
is_address(const char *name)
{
	ASN1_OCTET_STRING *a = a2i_IPADDRESS(name);

	ASN1_OCTET_STRING_free(a);
	ERR_clear_error();
	return a != NULL;
}

SSL *
hr_tls_session(struct hr_tls *t, int fd, const char *name, struct hr_err *e)
{
	SSL *s;

	reload(t);
	s = SSL_new(t->ctx);
	if (s == NULL || SSL_set_fd(s, fd) != 1) {
		SSL_free(s);
		hr_fail_mem(e);
		return NULL;
	}
	if (t->server) {
		SSL_set_accept_state(s);
		return s;
	}
	SSL_set_connect_state(s);
	/* Without a name every certificate that the authority signed would do: that of another sender too. */
	if (*name == '\0' ? false : is_address(name) ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(s), name) == 1 :
	    SSL_set1_host(s, name) == 1 && SSL_set_tlsext_host_name(s, name) == 1)
		return s;
	SSL_free(s);
	hr_fail(e, HR_USAGE, "'%s' cannot be the name in a certificate: %s", name, reason());
	return NULL;
}

static bool
about_certificate(unsigned long code)
{
	switch (ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) - SSL_AD_REASON_OFFSET : -1) {
	case SSL_AD_HANDSHAKE_FAILURE:
	case SSL_AD_BAD_CERTIFICATE:
	case SSL_AD_UNSUPPORTED_CERTIFICATE:
	case SSL_AD_CERTIFICATE_REVOKED:
	case SSL_AD_CERTIFICATE_EXPIRED:
	case SSL_AD_CERTIFICATE_UNKNOWN:
	case SSL_AD_UNKNOWN_CA:
	case SSL_AD_ACCESS_DENIED:
	case SSL_AD_CERTIFICATE_REQUIRED:
		return true;
	}
	return false;
}

int
hr_tls_fail(const SSL *s, int error, struct hr_err *e)
{
	long verify = SSL_get_verify_result(s);
	unsigned long code = ERR_peek_last_error();

	if (error == SSL_ERROR_SYSCALL && code == 0) {
		ERR_clear_error();
		return hr_fail(e, HR_TEMPORARY, "the connection was cut: %s", errno ? strerror(errno) : "end of file");
	}
	if (verify != X509_V_OK) {
		ERR_clear_error();
		hr_fail(e, HR_REFUSED, "the peer's certificate is refused: %s", X509_verify_cert_error_string(verify));
		return hr_hint(e, "it must be signed by --tls-ca, be valid now, and have the name that is connected to");
	}
	/* Behind the handshake only an alert about our certificate is more than an accident. */
	if (SSL_is_init_finished(s) && !about_certificate(code))
		return hr_fail(e, HR_TEMPORARY, "the connection was cut: %s", reason());
	if (ERR_GET_REASON(code) >= SSL_AD_REASON_OFFSET) {
		hr_fail(e, HR_REFUSED, "the peer refused TLS: %s", reason());
		return hr_hint(e, "look at what the peer says");
	}
	if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) != SSL_R_UNEXPECTED_EOF_WHILE_READING) {
		hr_fail(e, HR_REFUSED, "the peer does not speak TLS 1.3 as it should: %s", reason());
		return hr_hint(e, "is it hr-ship, and does it have --tls-cert too?");
	}
	return hr_fail(e, HR_TEMPORARY, "the connection was cut: %s", reason());
}

static void
add(char ***list, size_t *n, const unsigned char *text, int len)
{
	/* A NUL inside would be one name to us and another to who signed it. */
	if (len < 0 || memchr(text, 0, (size_t)len))
		return;
	*list = hr_realloc(*list, *n + 1, sizeof(**list));
	(*list)[(*n)++] = hr_sprintf("%.*s", len, (const char *)text);
}

void
hr_tls_names(const SSL *s, struct hr_tls_names *n)
{
	X509 *cert = SSL_get1_peer_certificate(s);
	const unsigned char *common = (const unsigned char *)"";
	GENERAL_NAMES *alt;
	int at, len = 0, i;

	*n = (struct hr_tls_names){ NULL, 0, NULL, 0 };
	if (cert == NULL)
		return;
	at = X509_NAME_get_index_by_NID(X509_get_subject_name(cert), NID_commonName, -1);
	if (at >= 0) {
		ASN1_STRING *a = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(X509_get_subject_name(cert), at));

		common = ASN1_STRING_get0_data(a);
		len = ASN1_STRING_length(a);
	}
	add(&n->name, &n->names, common, len);
	if (n->names == 0)
		add(&n->name, &n->names, (const unsigned char *)"", 0);
	alt = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	for (i = 0; i < sk_GENERAL_NAME_num(alt); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(alt, i);

		if (g->type == GEN_DNS)
			add(&n->name, &n->names, ASN1_STRING_get0_data(g->d.dNSName), ASN1_STRING_length(g->d.dNSName));
		else if (g->type == GEN_URI)
			add(&n->uri, &n->uris, ASN1_STRING_get0_data(g->d.uniformResourceIdentifier),
			    ASN1_STRING_length(g->d.uniformResourceIdentifier));
	}
	GENERAL_NAMES_free(alt);
	X509_free(cert);
}

void
hr_tls_names_clear(struct hr_tls_names *n)
{
	while (n->names)
		free(n->name[--n->names]);
	while (n->uris)
		free(n->uri[--n->uris]);
	free(n->name);
	free(n->uri);
	*n = (struct hr_tls_names){ NULL, 0, NULL, 0 };
}
