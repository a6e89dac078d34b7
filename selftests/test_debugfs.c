// SPDX-License-Identifier: GPL-2.0
/* What debugfs shows of a function, and readers against functions that go away. */
#include <dirent.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "guest/function.h"
#include "harness.h"

#define MSIX		MSI_ROUTE_MSIX
#define NAME		"0000:00:04.0"
#define VECTOR		0x51
#define DEBUGFS		"/sys/kernel/debug/msi_route"

FIXTURE(debugfs) {
	struct vm vm;
	struct function fn;
	char dir[300], text[65536];
};

/* The directory of a function of this process's VM: "pid-fd-number". */
static bool find_directory(int vm_fd, char *path, size_t size)
{
	struct dirent *entry;
	char prefix[32];
	bool found = false;
	DIR *dir = opendir(DEBUGFS);

	if (!dir)
		die(DEBUGFS);
	snprintf(prefix, sizeof(prefix), "%d-%d-", getpid(), vm_fd);
	while (!found && (entry = readdir(dir))) {
		found = !strncmp(entry->d_name, prefix, strlen(prefix));
		if (found)
			snprintf(path, size, DEBUGFS "/%s", entry->d_name);
	}
	closedir(dir);
	return found;
}

static const char *text_of(FIXTURE_DATA(debugfs) *self, const char *name)
{
	char path[320];
	ssize_t got, used = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", self->dir, name);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		die("%s", path);
	while ((got = read(fd, self->text + used, sizeof(self->text) - 1 - used)) > 0)
		used += got;
	if (got < 0)
		die("%s", path);
	close(fd);
	self->text[used] = '\0';
	return self->text;
}

static bool has_line(const char *text, const char *line)
{
	size_t len = strlen(line);

	for (; text; text = strchr(text, '\n'), text = text ? text + 1 : NULL)
		if (!strncmp(text, line, len) && text[len] == '\n')
			return true;
	return false;
}

static unsigned int nr_lines(const char *text)
{
	unsigned int nr = 0;

	for (; *text; text++)
		nr += *text == '\n';
	return nr;
}

FIXTURE_SETUP(debugfs)
{
	struct msi_route_create shape = both_shape(200, 1);

	strcpy(shape.name, NAME);
	shape.id = 0x20;
	shape.msix_granted = 150;
	vm_create(&self->vm, 0, 1);
	function_open(&self->fn, &self->vm, shape);
	ASSERT_TRUE(find_directory(self->vm.fd, self->dir, sizeof(self->dir)));
}

FIXTURE_TEARDOWN(debugfs)
{
	function_close(&self->fn);
	vm_destroy(&self->vm);
}

TEST_F(debugfs, state)
{
	char line[64];
	const char *text;

	msix_control(&self->fn, MSIX_ENABLE | MSIX_FUNCTION_MASK);
	text = text_of(self, "state");
	snprintf(line, sizeof(line), "vm %d-%d", getpid(), self->vm.fd);
	EXPECT_TRUE(has_line(text, "function " NAME)) TH_LOG("%s", text);
	EXPECT_TRUE(has_line(text, "id 0x20"));
	EXPECT_TRUE(has_line(text, line));
	EXPECT_TRUE(has_line(text, "stopped 0"));
	EXPECT_TRUE(has_line(text, "msix vectors=150 of=200 enabled=1 function_mask=1 "
			     "bus_master=1 open=0 reason=function_mask"));
	EXPECT_TRUE(has_line(text, "msi vectors=1 of=1 enabled=0 function_mask=0 "
			     "bus_master=1 open=0 reason=disabled"));
}

TEST_F(debugfs, vectors)
{
	const char *text;

	entry_set(&self->fn, 149, MSI_TO(3), VECTOR, 0);
	trigger(&self->fn, MSIX, 149);
	text = text_of(self, "vectors");
	/* A title line, the granted vectors of MSI-X, and MSI's vector. */
	EXPECT_EQ(1 + 150 + 1, nr_lines(text));
	EXPECT_TRUE(has_line(text, "msix 0 0x0 0x0 0x0 0x0 1 0 0 0 masked none 0 0 0"))
		TH_LOG("%s", text);
	EXPECT_TRUE(has_line(text, "msix 149 0xfee03000 0x51 0xfee03000 0x51 0 1 0 0 "
			     "disabled disabled 1 0 0"));
	EXPECT_TRUE(has_line(text, "msi 0 0x0 0x0 0x0 0x0 0 0 0 0 disabled none 0 0 0"));
}

TEST_F(debugfs, counters)
{
	const char *text;

	trigger(&self->fn, MSIX, 0);
	trigger(&self->fn, MSIX, 0);
	text = text_of(self, "counters");
	EXPECT_TRUE(has_line(text, "msix events 2")) TH_LOG("%s", text);
	EXPECT_TRUE(has_line(text, "msix pending 1"));
	EXPECT_TRUE(has_line(text, "msix coalesced 1"));
	EXPECT_TRUE(has_line(text, "msi events 0"));
	EXPECT_EQ(NULL, strstr(text, "ims"));
}

TEST_F(debugfs, for_root_alone)
{
	struct stat st;
	char path[320];

	snprintf(path, sizeof(path), "%s/state", self->dir);
	ASSERT_EQ(0, stat(path, &st));
	EXPECT_EQ(0400, st.st_mode & 07777);
}

/* A file that is open when its function goes can only be closed. */
TEST_F(debugfs, goes_with_the_function)
{
	struct function fn;
	char path[320], byte;
	struct vm vm;
	int fd;

	vm_create(&vm, 0, 1);
	function_open(&fn, &vm, msix_shape(1));
	ASSERT_TRUE(find_directory(vm.fd, path, sizeof(path)));
	strcat(path, "/vectors");
	fd = open(path, O_RDONLY);
	ASSERT_LE(0, fd);
	EXPECT_EQ(1, read(fd, &byte, 1));
	function_close(&fn);
	EXPECT_FALSE(find_directory(vm.fd, path, sizeof(path)));
	EXPECT_EQ(-1, read(fd, &byte, 1));
	close(fd);
	vm_destroy(&vm);
}

/* ---- races ---- */

static bool stop;

static void *read_without_pause(void *arg)
{
	static const char *const names[] = { "state", "vectors", "counters" };
	char dir[300], path[320], text[4096];
	int fd, vm_fd = *(int *)arg;
	long seen = 0;
	unsigned int i;

	while (!load(&stop)) {
		if (!find_directory(vm_fd, dir, sizeof(dir))) {
			sched_yield();
			continue;
		}
		for (i = 0; i < ARRAY_SIZE(names); i++) {
			snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
			fd = open(path, O_RDONLY);
			if (fd < 0)
				continue;
			while (read(fd, text, sizeof(text)) > 0)
				seen++;
			close(fd);
		}
	}
	return (void *)seen;
}

TEST_F(debugfs, readers_while_functions_come_and_go)
{
	pthread_t reader[2];
	struct function fn;
	struct vm vm;
	unsigned int i;
	long all = 0;
	void *seen;

	vm_create(&vm, 0, 1);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&reader[i], NULL, read_without_pause, &vm.fd));
	for (i = 0; i < 200; i++) {
		function_open(&fn, &vm, msix_shape(300));
		entry_set(&fn, i, MSI_TO(0), VECTOR, 0);
		sched_yield();
		function_close(&fn);
	}
	store(&stop, true);
	for (i = 0; i < 2; i++) {
		pthread_join(reader[i], &seen);
		all += (long)seen;
	}
	REMARK("%ld reads", all);
	EXPECT_LT(0, all);
	vm_destroy(&vm);
}
