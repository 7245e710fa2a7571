/* tc ingress: copies the clients' packets into a ring buffer. They go on untouched (TCX_NEXT).
 *
 * Takes TCP to one of the ports of this thread's clients (flow_split.h), and what cannot be decided
 * here: fragments, and IPv6 packets with extension headers.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "os/ingress_record.h"

/* Filled in before the program is loaded. */
const volatile unsigned char ports[kIngressPortBytes];
const volatile unsigned int thread_index;
const volatile unsigned int thread_count;
const volatile unsigned int all_devices; /* tagged packets come again, from their VLAN device */
/* 1: the reader waits in epoll and wants to be woken; else it looks by itself, soon. */
volatile unsigned int reader_sleeps;

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 64 * 1024 * 1024);
} packets SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct ingress_counters);
} counters SEC(".maps");

enum { kNext = -1, kTcp = 6 };

static __always_inline int load(struct __sk_buff *skb, __u32 at, void *to, __u32 bytes) {
  return bpf_skb_load_bytes_relative(skb, at, to, bytes, BPF_HDR_START_NET);
}

static __always_inline __u32 word(const unsigned char *at) {
  return (__u32)at[0] << 24 | (__u32)at[1] << 16 | (__u32)at[2] << 8 | at[3];
}

/* The hash of flow_split.cc. */
static __always_inline int is_mine(__u32 address, const unsigned char *tcp) {
  const __u32 port = (__u32)tcp[0] << 8 | tcp[1];
  const __u32 hash = (address ^ port * 0x9e3779b1U) * 0x85ebca6bU >> 16;
  return thread_count <= 1 || hash % thread_count == thread_index;
}

static __always_inline int is_mapped(const unsigned char *tcp) {
  return (ports[(__u32)tcp[2] << 5 | tcp[3] >> 3] & (1U << (tcp[3] & 7))) != 0;
}

/* The packet's length when it is wanted, else 0. */
static __always_inline __u32 wanted_v4(struct __sk_buff *skb) {
  unsigned char ip[20];
  unsigned char tcp[4];
  if (load(skb, 0, ip, sizeof ip) != 0 || ip[9] != kTcp) return 0;
  const __u32 length = (__u32)ip[2] << 8 | ip[3];
  if ((ip[6] & 0x3f) != 0 || ip[7] != 0) return length;
  if (load(skb, (ip[0] & 0x0fU) * 4, tcp, sizeof tcp) != 0) return 0;
  return is_mapped(tcp) && is_mine(word(ip + 12), tcp) ? (length == 0 ? 1 : length) : 0;
}

static __always_inline __u32 wanted_v6(struct __sk_buff *skb) {
  unsigned char ip[44];
  if (load(skb, 0, ip, sizeof ip) != 0) return 0;
  const __u32 payload = (__u32)ip[4] << 8 | ip[5];
  const __u32 length = payload == 0 ? 1 : payload + 40;
  if (ip[6] == 0 || ip[6] == 43 || ip[6] == 44 || ip[6] == 60) return length;
  if (ip[6] != kTcp || !is_mapped(ip + 40)) return 0;
  const __u32 address = word(ip + 8) ^ word(ip + 12) ^ word(ip + 16) ^ word(ip + 20);
  return is_mine(address, ip + 40) ? length : 0;
}

/* Bytes before the IP header. The helper that counts from the IP header reads headers only: data
 * beyond the linear part is reached by the other one, which counts from the link's header. */
static __always_inline __u32 link_bytes(struct __sk_buff *skb) {
  __u64 by_network = 0;
  __u64 by_link = 0;
  if (load(skb, 0, &by_network, sizeof by_network) != 0) return 0;
  if (bpf_skb_load_bytes(skb, ETH_HLEN, &by_link, sizeof by_link) != 0) return 0;
  return by_network == by_link ? ETH_HLEN : 0;
}

/* A macro: the verifier wants to see the size of what is reserved. */
#define COPY(size)                                                                          \
  do {                                                                                      \
    struct ingress_record *r =                                                              \
        bpf_ringbuf_reserve(&packets, sizeof(struct ingress_record) + (size), 0);           \
    if (!r) {                                                                               \
      ++count->ring_full;                                                                   \
      return kNext;                                                                         \
    }                                                                                       \
    r->length = length;                                                                     \
    if (length < 1 || length > (size) || bpf_skb_load_bytes(skb, at, r + 1, length) != 0) {             \
      ++count->malformed;                                                                   \
      bpf_ringbuf_discard(r, BPF_RB_NO_WAKEUP);                                             \
      return kNext;                                                                         \
    }                                                                                       \
    ++count->taken;                                                                         \
    const __u64 wake = reader_sleeps ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;              \
    bpf_ringbuf_submit(r, wake);                                                            \
    return kNext;                                                                           \
  } while (0)

SEC("tc")
int copy_ingress(struct __sk_buff *skb) {
  const __u32 zero = 0;
  __u32 length = 0;
  if (skb->protocol == bpf_htons(ETH_P_IP)) {
    length = wanted_v4(skb);
  } else if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
    length = wanted_v6(skb);
  }
  if (length == 0) return kNext;
  struct ingress_counters *count = bpf_map_lookup_elem(&counters, &zero);
  if (!count) return kNext;
  if (skb->pkt_type != PACKET_HOST) {
    ++count->not_for_us;
    return kNext;
  }
  if (all_devices && skb->vlan_present && (skb->vlan_tci & 0x0fff) != 0) {
    ++count->vlan_outer;
    return kNext;
  }
  const __u32 at = link_bytes(skb);
  if (length <= kIngressSmall) COPY(kIngressSmall);
  if (length <= kIngressMedium) COPY(kIngressMedium);
  COPY(kIngressLarge);
}

char program_license[] SEC("license") = "GPL";
