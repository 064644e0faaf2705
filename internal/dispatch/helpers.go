// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"slices"
	"strings"
	"unicode"

	"github.com/cilium/ebpf/asm"
)

// helperName turns the library's name of a helper into the kernel's:
// FnSkbLoadBytes is bpf_skb_load_bytes.
func helperName(fn asm.BuiltinFunc) string {
	var b strings.Builder
	b.WriteString("bpf")
	for _, r := range strings.TrimPrefix(fn.String(), "Fn") {
		if unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// harmlessNames lists, one family a line, the helpers and kfuncs of tc programs
// that leave the packet, its metadata and its fate as they are. What is not
// here is refused, so that a helper of a kernel to come is not trusted unseen.
// Source: include/uapi/linux/bpf.h and net/core/filter.c, Linux 6.18.
const harmlessNames = `
map_lookup_elem map_update_elem map_delete_elem map_push_elem map_pop_elem map_peek_elem
map_lookup_percpu_elem for_each_map_elem loop tail_call
ktime_get_ns ktime_get_boot_ns ktime_get_coarse_ns ktime_get_tai_ns jiffies64
get_prandom_u32 get_smp_processor_id get_numa_node_id trace_printk trace_vprintk snprintf snprintf_btf
strtol strtoul strncmp spin_lock spin_unlock per_cpu_ptr this_cpu_ptr kptr_xchg
probe_read probe_read_str probe_read_kernel probe_read_kernel_str probe_read_user probe_read_user_str
perf_event_output ringbuf_output ringbuf_reserve ringbuf_submit ringbuf_discard ringbuf_query
ringbuf_reserve_dynptr ringbuf_submit_dynptr ringbuf_discard_dynptr user_ringbuf_drain
dynptr_from_mem dynptr_read dynptr_data
timer_init timer_set_callback timer_start timer_cancel
skb_load_bytes skb_load_bytes_relative skb_pull_data skb_get_tunnel_key skb_get_tunnel_opt skb_get_xfrm_state
skb_under_cgroup skb_cgroup_id skb_ancestor_cgroup_id skb_cgroup_classid get_cgroup_classid get_route_realm
get_hash_recalc csum_diff fib_lookup check_mtu
get_socket_cookie get_socket_uid get_netns_cookie sk_lookup_tcp sk_lookup_udp skc_lookup_tcp sk_release
sk_fullsock tcp_sock get_listener_sock tcp_check_syncookie tcp_gen_syncookie
tcp_raw_gen_syncookie_ipv4 tcp_raw_gen_syncookie_ipv6 tcp_raw_check_syncookie_ipv4 tcp_raw_check_syncookie_ipv6
skc_to_tcp6_sock skc_to_tcp_sock skc_to_tcp_timewait_sock skc_to_tcp_request_sock skc_to_udp6_sock
skc_to_unix_sock skc_to_mptcp_sock sk_storage_get sk_storage_delete sk_cgroup_id sk_ancestor_cgroup_id
cgrp_storage_get cgrp_storage_delete get_current_task get_current_task_btf get_current_pid_tgid
get_current_uid_gid get_current_comm get_current_cgroup_id current_task_under_cgroup task_pt_regs
get_current_ancestor_cgroup_id btf_find_by_name_kind get_func_ip get_attach_cookie perf_event_read_value
dynptr_from_skb dynptr_slice dynptr_adjust dynptr_is_null dynptr_is_rdonly dynptr_size dynptr_clone
cast_to_kern_ctx rdonly_cast rcu_read_lock rcu_read_unlock preempt_disable preempt_enable
local_irq_save local_irq_restore obj_new_impl obj_drop_impl percpu_obj_new_impl percpu_obj_drop_impl
refcount_acquire_impl list_push_front_impl list_push_back_impl list_pop_front list_pop_back list_front list_back
rbtree_add_impl rbtree_remove rbtree_first rbtree_root rbtree_left rbtree_right
iter_num_new iter_num_next iter_num_destroy iter_bits_new iter_bits_next iter_bits_destroy
strcmp strcasecmp strchr strchrnul strlen strnlen strnchr strrchr strspn strcspn strstr strnstr
skb_ct_lookup xdp_ct_lookup ct_release skb_get_xfrm_info skb_get_fou_encap
get_kmem_cache res_spin_lock res_spin_unlock res_spin_lock_irqsave res_spin_unlock_irqrestore
crypto_ctx_acquire crypto_ctx_release
task_acquire task_release task_from_pid cgroup_acquire cgroup_release cgroup_from_id cgroup_ancestor
`

// harmlessUnlessSkb are harmless on memory, not on a dynptr made from a packet.
const harmlessUnlessSkb = " dynptr_write dynptr_copy dynptr_memset dynptr_slice_rdwr crypto_encrypt crypto_decrypt "

// harmless says whether a program may call the helper or kfunc under observe.
// onSkb says that the program makes dynptrs from packets.
func harmless(name string, onSkb bool) bool {
	short, ok := strings.CutPrefix(name, "bpf_")
	if !ok {
		return false
	}
	if strings.Contains(harmlessUnlessSkb, " "+short+" ") {
		return !onSkb
	}
	return slices.Contains(strings.Fields(harmlessNames), short)
}

// harmlessSymbol is harmless for the kernel's symbols, which differ from the
// names of the helpers where a helper has one implementation per kind of map or
// program. Source: net/core/filter.c and kernel/bpf of Linux 5.10 to 6.18.
func harmlessSymbol(symbol string, onSkb bool) bool {
	for _, operation := range []string{"_lookup_elem", "_update_elem", "_delete_elem", "_push_elem", "_pop_elem", "_peek_elem", "_lookup_percpu_elem", "_for_each_map_elem"} {
		if strings.HasSuffix(symbol, operation) {
			return true
		}
	}
	switch symbol {
	case "bpf_user_rnd_u32", "bpf_get_raw_cpu_id", "bpf_skb_event_output", "bpf_skb_fib_lookup", "bpf_skb_check_mtu",
		"bpf_tc_sk_lookup_tcp", "bpf_tc_sk_lookup_udp", "bpf_tc_skc_lookup_tcp", "__bpf_spin_lock", "__bpf_spin_unlock",
		"bpf_probe_read_compat", "bpf_probe_read_compat_str", "bpf_probe_read_kernel_common", "bpf_timer_cancel_async",
		// What may_goto becomes (Linux 6.15).
		"arch_bpf_timed_may_goto", "bpf_check_timed_may_goto",
		// What LD_ABS and LD_IND become.
		"bpf_skb_load_helper_8", "bpf_skb_load_helper_16", "bpf_skb_load_helper_32",
		"bpf_skb_load_helper_8_no_cache", "bpf_skb_load_helper_16_no_cache", "bpf_skb_load_helper_32_no_cache":
		return true
	}
	return harmless(symbol, onSkb)
}
