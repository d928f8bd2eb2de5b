/* Answers AT commands on a pty as fast as C can, and keeps the truth about its own times.
 *
 *   AT            -> OK at once
 *   AT#DELAY=n    -> OK after n microseconds
 *   AT#XRECV=n    -> a payload of n bytes, announced
 *   AT#XRECV=TRAP -> a payload that holds an answer of its own, cut in two within it
 *   AT#URC        -> OK with unsolicited lines before and behind it, one of which ends in OK
 *   AT#SINK       -> OK, then takes what comes until +++
 *
 * Prints the path of the pty. When its standard input ends it prints, for each command, the clock (CLOCK_MONOTONIC, ns)
 * after the read that completed the command and before the write of the answer.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static const char ok[] = "\r\nOK\r\n";
static const char trap_1[] = "\r\n#XRECV: 18\r\n0123\r\nOK\r\n";
static const char trap_2[] = "45ERRO\r\n\r\nOK\r\n";
static const char urc[] = "\r\n+CSCON: 1\r\n\r\n#XFOTA: image OK\r\n\r\nOK\r\n\r\n+CEREG: 5\r\n";
enum { RECORDS = 4000000 };
static long long (*records)[2];

static void put(int fd, const char *data, size_t size)
{
    while (size) {
        ssize_t n = write(fd, data, size);
        if (n <= 0)
            exit(1);
        data += n;
        size -= n;
    }
}

static void source(int fd, long size)
{
    char head[64];
    char *data = malloc(size + 1);
    memset(data, 'a', size);
    put(fd, head, sprintf(head, "\r\n#XRECV: %ld\r\n", size));
    put(fd, data, size);
    put(fd, ok, sizeof ok - 1);
    free(data);
}

/* Everything until three plus signs, which come at the end of a read, for nothing is sent behind them. */
static void sink(int fd)
{
    static char data[65536];
    char tail[4] = "...";
    put(fd, ok, sizeof ok - 1);
    for (;;) {
        ssize_t n = read(fd, data, sizeof data);
        if (n <= 0)
            exit(1);
        for (ssize_t i = n > 3 ? n - 3 : 0; i < n; i++) {
            memmove(tail, tail + 1, 2);
            tail[2] = data[i];
        }
        if (!strcmp(tail, "+++"))
            break;
    }
    put(fd, "\r\n#XDATAMODE: 0\r\n", 17);
}

static long long now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(void)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) || unlockpt(master))
        return 1;
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY); /* keeps the pty alive between clients */
    struct termios t;
    tcgetattr(slave, &t);
    cfmakeraw(&t);
    tcsetattr(slave, TCSANOW, &t);
    printf("%s\n", ptsname(master));
    fflush(stdout);
    records = malloc(sizeof(*records) * RECORDS);
    long count = 0;
    char line[8192];
    size_t length = 0;
    struct pollfd fds[2] = {{master, POLLIN, 0}, {0, POLLIN, 0}};
    while (poll(fds, 2, -1) > 0 && !(fds[1].revents)) {
        ssize_t got = read(master, line + length, sizeof line - 1 - length);
        if (got <= 0)
            break;
        long long read_ns = now();
        length += got;
        line[length] = 0;
        if (length < 2 || strcmp(line + length - 2, "\r\n"))
            continue;
        char *bulk = strstr(line, "#XRECV=");
        char *trap = strstr(line, "#XRECV=TRAP");
        if (bulk || strstr(line, "#SINK") || strstr(line, "#URC")) {
            if (bulk && !trap)
                source(master, atol(bulk + 7));
            else if (strstr(line, "#SINK"))
                sink(master);
            else if (strstr(line, "#URC"))
                put(master, urc, sizeof urc - 1);
            else {
                put(master, trap_1, sizeof trap_1 - 1);
                struct timespec pause = {0, 5000000};
                nanosleep(&pause, 0);
                put(master, trap_2, sizeof trap_2 - 1);
            }
            length = 0;
            continue;
        }
        char *delay = strstr(line, "#DELAY=");
        if (delay) {
            long long until = read_ns + atoll(delay + 7) * 1000LL;
            struct timespec at = {until / 1000000000LL, until % 1000000000LL};
            clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
        }
        long long write_ns = now();
        if (write(master, ok, sizeof ok - 1) < 0)
            break;
        if (count < RECORDS) {
            records[count][0] = read_ns;
            records[count++][1] = write_ns;
        }
        length = 0;
    }
    for (long i = 0; i < count; i++)
        printf("%lld %lld\n", records[i][0], records[i][1]);
    return 0;
}
