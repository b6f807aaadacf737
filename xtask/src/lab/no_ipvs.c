// Preloaded into keepalived on a kernel without IPVS, whose table it takes for written: so its checkers can be watched there.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

// IP_VS_BASE_CTL to IP_VS_SO_GET_MAX, include/uapi/linux/ip_vs.h.
static int is_ipvs(int level, int name)
{
	return level == IPPROTO_IP && name >= 1152 && name < 1216;
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
	int (*next)(int, int, int, const void *, socklen_t) = dlsym(RTLD_NEXT, "setsockopt");

	return is_ipvs(level, name) ? 0 : next(fd, level, name, value, length);
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *length)
{
	int (*next)(int, int, int, void *, socklen_t *) = dlsym(RTLD_NEXT, "getsockopt");

	if (!is_ipvs(level, name))
		return next(fd, level, name, value, length);
	memset(value, 0, *length);
	return 0;
}
