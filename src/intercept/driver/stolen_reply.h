/* One reply as the eBPF program in the kernel hands it to mirror-intercept through a ring buffer.
 * Read by the BPF compiler (C) and by ours (C++). */
#pragma once

enum { kStolenBytes = 120 }; /* IPv6 + TCP + all options, of a 60-byte IPv4 header as well */
enum { kStolenPortBytes = 8192 };

struct stolen_reply {
  unsigned int wire_bytes; /* the packet's length, from the IP header on */
  unsigned int length;     /* how many of `bytes` are filled */
  unsigned char bytes[kStolenBytes];
};

/* Per CPU; the reader adds up. */
struct steal_counters {
  unsigned long long taken;
  unsigned long long ring_full; /* taken, and its header lost: the test host sends it again */
  unsigned long long unread;    /* taken, and without a readable header (a later fragment) */
};

/* Key of the map of passed networks: an LPM trie; IPv4 as ::ffff:a.b.c.d. */
struct passed_key {
  unsigned int prefix_bits;
  unsigned char address[16];
};
