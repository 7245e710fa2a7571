/* What the eBPF capture and its reader agree on. Plain C, for both compilers. */
#ifndef MIRRORLAB_OS_INGRESS_RECORD_H
#define MIRRORLAB_OS_INGRESS_RECORD_H

enum {
  kIngressPortBytes = 8192, /* a bit for each port */
  kIngressSmall = 256, /* size classes of a record's bytes: the ring holds no more than these */
  kIngressMedium = 2048,
  kIngressLarge = 65536,
};

struct ingress_record {
  unsigned int length; /* of the IP packet, whose bytes follow */
};

struct ingress_counters {
  unsigned long long taken;
  unsigned long long ring_full;
  unsigned long long not_for_us;
  unsigned long long vlan_outer;
  unsigned long long malformed; /* its length is not that of the packet, or above 64 KiB */
};

#endif
