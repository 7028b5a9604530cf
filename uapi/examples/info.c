// SPDX-License-Identifier: GPL-2.0
/* Prints what is loaded in this network namespace: how a C program talks to ferrule.ko. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/ferrule.h>

static void print_info(const struct ferrule_info *info)
{
	printf("generation      %llu\n", (unsigned long long)info->generation);
	printf("program         %u bytes, %u of them source\n", info->program_size,
	       info->source_size);
	printf("instructions    %u, at most %u a packet\n", info->insns, info->max_steps);
	printf("chains          %u, %u of them base chains\n", info->chains, info->base_chains);
	printf("rules           %u\n", info->rules);
	printf("counters        %u on each of %u CPUs\n", info->counters, info->cpus);
	printf("hook functions  %u\n", info->hooks);
}

int main(void)
{
	struct ferrule_info info = {
		.size = sizeof(info),
		.version = FERRULE_ABI_VERSION,
	};
	int fd = open(FERRULE_DEVICE_PATH, O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		fprintf(stderr, "%s: %s\n", FERRULE_DEVICE_PATH, strerror(errno));
		return 2;
	}
	if (ioctl(fd, FERRULE_IOC_INFO, &info) < 0) {
		fprintf(stderr, "FERRULE_IOC_INFO: %s\n", strerror(errno));
		close(fd);
		return 2;
	}
	print_info(&info);
	close(fd);
	return 0;
}
