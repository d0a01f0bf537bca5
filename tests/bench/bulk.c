/*
 * bulk: bytes from one process to another, and nothing else: what is to be reached.
 *
 *	usage: bulk send ADDRESS PORT [CA]
 *	       bulk receive ADDRESS PORT [CERT KEY]
 *
 * One IPv4 connection, one thread a side, blocking calls of 256 kB; with files
 * by TLS 1.3 with TLS_AES_256_GCM_SHA384, which looks at the server's
 * certificate alone.  openssl s_client and s_server do the same by 8 and 16 kB.
 */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char bytes[256 << 10];

static void
die(const char *what)
{
	perror(what);
	ERR_print_errors_fp(stderr);
	exit(74);
}

static int
meet(int sends, const char *address, const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1, listener = fd;

	inet_pton(AF_INET, address, &a.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (sends) {
		if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
			die("connect");
	} else {
		if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 1) < 0 ||
		    (fd = accept(listener, NULL, NULL)) < 0)
			die("accept");
		close(listener);
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static SSL *
secure(int sends, int fd, char *file[])
{
	SSL_CTX *ctx = SSL_CTX_new(sends ? TLS_client_method() : TLS_server_method());
	SSL *ssl;

	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	SSL_CTX_set_ciphersuites(ctx, "TLS_AES_256_GCM_SHA384");
	if (sends) {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
		if (SSL_CTX_load_verify_file(ctx, file[0]) != 1)
			die(file[0]);
	} else if (SSL_CTX_use_certificate_file(ctx, file[0], SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, file[1], SSL_FILETYPE_PEM) != 1)
		die(file[0]);
	ssl = SSL_new(ctx);
	SSL_set_fd(ssl, fd);
	if ((sends ? SSL_connect(ssl) : SSL_accept(ssl)) != 1)
		die("TLS");
	return ssl;
}

static void
pass_on(int fd, const char *p, ssize_t n)
{
	ssize_t did;

	for (; n > 0; p += did, n -= did)
		if ((did = write(fd, p, (size_t)n)) < 0)
			die("write");
}

int
main(int argc, char *argv[])
{
	int sends = argc > 1 && strcmp(argv[1], "send") == 0, fd;
	SSL *ssl = NULL;
	ssize_t n;

	if (argc < 4 || (argc != 4 && argc != (sends ? 5 : 6))) {
		fprintf(stderr, "usage: bulk send ADDRESS PORT [CA]\n       bulk receive ADDRESS PORT [CERT KEY]\n");
		return 64;
	}
	fd = meet(sends, argv[2], argv[3]);
	if (argc > 4)
		ssl = secure(sends, fd, argv + 4);
	if (sends) {
		while ((n = read(STDIN_FILENO, bytes, sizeof(bytes))) > 0)
			if (!ssl)
				pass_on(fd, bytes, n);
			else if (SSL_write(ssl, bytes, (int)n) != n)
				die("SSL_write");
		if (ssl)
			SSL_shutdown(ssl);
		shutdown(fd, SHUT_WR);
		while (read(fd, bytes, sizeof(bytes)) > 0)
			;			/* until the other side has all */
		return 0;
	}
	while ((n = ssl ? SSL_read(ssl, bytes, sizeof(bytes)) : read(fd, bytes, sizeof(bytes))) > 0)
		pass_on(STDOUT_FILENO, bytes, n);
	return 0;
}
