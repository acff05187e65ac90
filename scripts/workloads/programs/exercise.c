// SPDX-License-Identifier: MIT
// Reads the file it is given, starts threads, talks to itself over loopback, sleeps.
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long total;

static void *count(void *unused) {
  for (int round = 0; round < 1000; round++) {
    pthread_mutex_lock(&lock);
    total++;
    pthread_mutex_unlock(&lock);
  }
  return unused;
}

static void *dial(void *address) {
  int peer = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(peer, address, sizeof(struct sockaddr_in)) != 0 || write(peer, "hello", 5) != 5) exit(1);
  close(peer);
  return NULL;
}

int main(int argc, char **argv) {
  FILE *file = fopen(argc > 1 ? argv[1] : "/proc/self/status", "r");
  char line[256];
  int lines = 0;
  while (file && fgets(line, sizeof line, file)) lines++;
  if (file) fclose(file);

  pthread_t threads[4];
  for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, count, NULL);
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);

  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 1) != 0) return 1;
  getsockname(listener, (struct sockaddr *)&address, &size);
  pthread_t dialer;
  pthread_create(&dialer, NULL, dial, &address);
  int accepted = accept(listener, NULL, NULL);
  char received[8];
  ssize_t length = read(accepted, received, sizeof received);
  pthread_join(dialer, NULL);

  nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
  printf("%d lines, %ld counted, %zd bytes received\n", lines, total, length);
  return 0;
}
