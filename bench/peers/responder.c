// The least that a process has to do for an answer: waits in ppoll as the fast worker does, takes one frame, answers it by
// exchanging a few octets, checks nothing. What this takes is what the machine takes to wake a process up.
// responder DEVICE IPV4 IPV6
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static uint8_t mac[6];

static int open_socket(const char *device, int type, uint32_t offset, uint32_t word) {
  // The last 32 bits of the address that is asked for.
  struct sock_filter program[] = {{0x20, 0, 0, offset}, {0x15, 0, 1, word}, {0x06, 0, 0, 0xffff}, {0x06, 0, 0, 0}};
  struct sock_fprog filter = {4, program};
  int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0), one = 1;
  setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
  setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one);
  struct ifreq request = {0};
  strncpy(request.ifr_name, device, sizeof request.ifr_name - 1);
  ioctl(fd, SIOCGIFHWADDR, &request);
  memcpy(mac, request.ifr_hwaddr.sa_data, 6);
  ioctl(fd, SIOCGIFINDEX, &request);
  struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(type), .sll_ifindex = request.ifr_ifindex};
  struct packet_mreq everything = {.mr_ifindex = request.ifr_ifindex, .mr_type = PACKET_MR_ALLMULTI};
  setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &everything, sizeof everything);
  if (bind(fd, (struct sockaddr *)&at, sizeof at)) perror("bind");
  return fd;
}

static void answer_arp(int fd, uint8_t *f, ssize_t n) {
  uint8_t target[4];
  if (n < 42 || f[21] != 1) return;
  memcpy(target, f + 38, 4);
  memcpy(f, f + 6, 6);
  memcpy(f + 6, mac, 6);
  f[21] = 2;
  memcpy(f + 32, f + 22, 10);
  memcpy(f + 22, mac, 6);
  memcpy(f + 28, target, 4);
  send(fd, f, 42, 0);
}

static void answer_neighbour(int fd, uint8_t *f, ssize_t n) {
  if (n < 86 || f[54] != 135) return;
  memcpy(f, f + 6, 6);
  memcpy(f + 6, mac, 6);
  memcpy(f + 38, f + 22, 16);
  memcpy(f + 22, f + 62, 16);
  f[54] = 136;
  f[56] = f[57] = 0;
  f[58] = 0x40;
  f[78] = 2;
  memcpy(f + 80, mac, 6);
  uint32_t sum = 32 + 58;
  for (int i = 22; i < 86; i += 2) sum += f[i] << 8 | f[i + 1];
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  f[56] = ~sum >> 8;
  f[57] = ~sum;
  send(fd, f, 86, 0);
}

int main(int count, char **words) {
  if (count != 4) return 2;
  uint8_t four[4], six[16], frame[2048];
  inet_pton(AF_INET, words[2], four);
  inet_pton(AF_INET6, words[3], six);
  uint32_t low;
  memcpy(&low, four, 4);
  struct pollfd fds[2] = {{.events = POLLIN}, {.events = POLLIN}};
  fds[0].fd = open_socket(words[1], ETH_P_ARP, 38, ntohl(low));
  memcpy(&low, six + 12, 4);
  fds[1].fd = open_socket(words[1], ETH_P_IPV6, 74, ntohl(low));
  struct sched_param priority = {10};
  if (sched_setscheduler(0, SCHED_FIFO, &priority)) perror("sched_setscheduler");
  puts("ready");
  fflush(stdout);
  for (;;) {
    struct timespec longest = {0, 250000000};
    if (ppoll(fds, 2, &longest, NULL) <= 0) continue;
    for (int i = 0; i < 2; i++) {
      ssize_t n;
      while (fds[i].revents && (n = recv(fds[i].fd, frame, sizeof frame, 0)) > 0)
        (i == 0 ? answer_arp : answer_neighbour)(fds[i].fd, frame, n);
    }
  }
}
