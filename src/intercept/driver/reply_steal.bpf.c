/* tc egress: takes the replies of the mirrored services and gives their headers to a ring buffer.
 *
 * Runs on every device but the loopback. A reply is stolen (TC_ACT_STOLEN): the test host's TCP
 * believes that it left; TC_ACT_SHOT would tell it the contrary. It is stolen whether or not anybody
 * reads the ring, so that the death of the program leaks nothing. Only packets of this host itself
 * are looked at, never what it forwards.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "intercept/driver/stolen_reply.h"

/* Filled in before the program is loaded: a bit for each service port. */
const volatile unsigned char service_ports[kStolenPortBytes];
/* 1: the reader waits in epoll and wants to be woken; else it looks by itself, soon. */
volatile unsigned int reader_sleeps;

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 16 * 1024 * 1024);
} replies SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct steal_counters);
} counters SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_LPM_TRIE);
  __uint(max_entries, 1024);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct passed_key);
  __type(value, __u8);
} passed SEC(".maps");

/* Fragmented replies: the first fragment has the port, those behind it only this. */
struct fragment_key {
  unsigned char source[16];
  unsigned char destination[16];
  __u32 id;
};
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 4096);
  __type(key, struct fragment_key);
  __type(value, __u8);
} fragments SEC(".maps");

enum { kTcp = 6, kFragmentHeader = 44, kMaxExtensions = 6 };

struct reply {
  struct passed_key to;
  struct fragment_key fragment;
  __u32 tcp; /* offset from the IP header */
  __u32 length;
  __u8 protocol;
  __u8 first; /* carries the ports */
  __u8 more;  /* is a fragment */
};

static __always_inline int load(struct __sk_buff *skb, __u32 at, void *to, __u32 bytes) {
  return bpf_skb_load_bytes_relative(skb, at, to, bytes, BPF_HDR_START_NET);
}

static __always_inline void map_v4(unsigned char *to, const unsigned char *from) {
  to[10] = to[11] = 0xff;
  __builtin_memcpy(to + 12, from, 4);
}

static __always_inline int read_v4(struct __sk_buff *skb, struct reply *r) {
  unsigned char ip[20];
  if (load(skb, 0, ip, sizeof ip) != 0) return -1;
  r->tcp = (ip[0] & 0x0fU) * 4;
  r->length = (__u32)ip[2] << 8 | ip[3];
  r->protocol = ip[9];
  r->first = (ip[6] & 0x1f) == 0 && ip[7] == 0;
  r->more = (ip[6] & 0x20) != 0 || !r->first;
  map_v4(r->fragment.source, ip + 12);
  map_v4(r->fragment.destination, ip + 16);
  r->fragment.id = (__u32)ip[4] << 8 | ip[5];
  return 0;
}

static __always_inline int read_v6(struct __sk_buff *skb, struct reply *r) {
  unsigned char ip[40];
  if (load(skb, 0, ip, sizeof ip) != 0) return -1;
  const __u32 payload = (__u32)ip[4] << 8 | ip[5];
  r->length = payload == 0 ? 0 : payload + 40;
  r->tcp = 40;
  r->protocol = ip[6];
  r->first = 1;
  __builtin_memcpy(r->fragment.source, ip + 8, 16);
  __builtin_memcpy(r->fragment.destination, ip + 24, 16);
  for (int i = 0; i < kMaxExtensions; ++i) {
    unsigned char extension[8];
    /* RFC 8200: hop by hop, routing, fragment, destination options. */
    if (r->protocol != 0 && r->protocol != 43 && r->protocol != kFragmentHeader &&
        r->protocol != 60) {
      return 0;
    }
    if (load(skb, r->tcp, extension, sizeof extension) != 0) return -1;
    if (r->protocol == kFragmentHeader) {
      r->more = 1;
      r->first = extension[2] == 0 && (extension[3] & 0xf8) == 0;
      __builtin_memcpy(&r->fragment.id, extension + 4, 4);
      r->tcp += 8;
      r->protocol = extension[0];
      if (!r->first) return 0;
    } else {
      r->tcp += ((__u32)extension[1] + 1) * 8;
      r->protocol = extension[0];
    }
  }
  return 0;
}

static __always_inline int is_mirrored(struct __sk_buff *skb, struct reply *r) {
  if (r->protocol != kTcp) return 0;
  if (!r->first) return bpf_map_lookup_elem(&fragments, &r->fragment) != 0;
  unsigned char port[2];
  if (load(skb, r->tcp, port, sizeof port) != 0) return 0;
  if ((service_ports[(__u32)port[0] << 5 | port[1] >> 3] & (1U << (port[1] & 7))) == 0) return 0;
  r->to.prefix_bits = 128;
  __builtin_memcpy(r->to.address, r->fragment.destination, 16);
  if (bpf_map_lookup_elem(&passed, &r->to) != 0) return 0;
  if (r->more) {
    const __u8 one = 1;
    bpf_map_update_elem(&fragments, &r->fragment, &one, BPF_ANY);
  }
  return 1;
}

static __always_inline void hand_over(struct __sk_buff *skb, const struct reply *r,
                                      struct steal_counters *count) {
  struct stolen_reply *out = bpf_ringbuf_reserve(&replies, sizeof *out, 0);
  if (!out) {
    ++count->ring_full;
    return;
  }
  /* The headers alone: what is behind them may be where this helper cannot read. */
  unsigned char tcp_header = 0;
  load(skb, r->tcp + 12, &tcp_header, sizeof tcp_header);
  __u32 length = r->tcp + (tcp_header >> 4) * 4;
  if (length == 0 || length > kStolenBytes) length = kStolenBytes;
  out->length = length;
  out->wire_bytes = r->length != 0 ? r->length : skb->len - ETH_HLEN;
  if (load(skb, 0, out->bytes, length) != 0) {
    ++count->unread;
    bpf_ringbuf_discard(out, BPF_RB_NO_WAKEUP);
    return;
  }
  /* A wake-up costs ten times what all the rest does: only who sleeps is woken, and once. */
  __u64 wake = BPF_RB_NO_WAKEUP;
  if (reader_sleeps) {
    reader_sleeps = 0;
    wake = BPF_RB_FORCE_WAKEUP;
  }
  bpf_ringbuf_submit(out, wake);
}

SEC("tc")
int steal_replies(struct __sk_buff *skb) {
  struct reply r = {};
  unsigned char version;
  const __u32 protocol = skb->protocol;
  if (skb->ingress_ifindex != 0) return TC_ACT_UNSPEC; /* forwarded, not this host's own */
  if (protocol != bpf_htons(ETH_P_IP) && protocol != bpf_htons(ETH_P_IPV6) &&
      protocol != bpf_htons(ETH_P_8021Q) && protocol != bpf_htons(ETH_P_8021AD)) {
    return TC_ACT_UNSPEC;
  }
  if (load(skb, 0, &version, sizeof version) != 0) return TC_ACT_UNSPEC;
  if (version >> 4 == 4) {
    if (read_v4(skb, &r) != 0) return TC_ACT_UNSPEC;
  } else if (version >> 4 == 6) {
    if (read_v6(skb, &r) != 0) return TC_ACT_UNSPEC;
  } else {
    return TC_ACT_UNSPEC;
  }
  if (!is_mirrored(skb, &r)) return TC_ACT_UNSPEC;
  const __u32 zero = 0;
  struct steal_counters *count = bpf_map_lookup_elem(&counters, &zero);
  if (!count) return TC_ACT_STOLEN;
  ++count->taken;
  if (r.first) {
    hand_over(skb, &r, count);
  } else {
    ++count->unread;
  }
  return TC_ACT_STOLEN;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
