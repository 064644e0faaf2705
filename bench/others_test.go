// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/internal/testutil"
)

const (
	// burstRounds: a burst is short, so that few changes of others fall into one.
	burstRounds = 8
	// slowContainers are attached where that waits for every hook: enough changes fall
	// into the time that it takes.
	slowContainers = 100
)

// benchmarkOthers is how long another process waits for a change of its own link
// while containers are attached: most of what changes links or filters is done
// under one lock of the kernel.
func (h *host) benchmarkOthers(b *testing.B) {
	testutil.Exec(b, h.ns, "ip", "tuntap", "add", "dev", "other", "mode", "tap")
	b.Cleanup(func() { testutil.Exec(b, h.ns, "ip", "link", "del", "other") })
	p := newProber(b, testutil.Index(b, h.ns, "other"))
	prog := mustProgram(b, empty())
	defer func() { qt.Check(b, qt.IsNil(prog.Close())) }()
	some := min(slowContainers, len(h.containers))

	delays := map[string][]time.Duration{}
	for round := range burstRounds {
		delays["idle"] = append(delays["idle"], h.delaysWhenIdle(b, p)...)
		for _, w := range []way{bursts, clsact} {
			delays[w.name] = append(delays[w.name], h.delaysDuring(b, p, w, h.targets)...)
		}
		if round > 0 {
			continue
		}
		delays[plain.name] = h.delaysDuring(b, p, plain, h.targets[:some])
		theirs := newPredecessor(b, prog)
		delays["baseline"] = p.during(b, func() { theirs.attach(b, h.containers[:some]...) })
		theirs.close(b)
		h.removeQdiscs(b)
	}
	h.reportOthers(b, delays)
}

func (h *host) reportOthers(b *testing.B, delays map[string][]time.Duration) {
	b.Helper()
	aims := map[string]aim{bursts.name: atMost(float64(100*time.Microsecond), duration)}
	what := fmt.Sprintf("another's link change during attach-%d, ", len(h.containers))
	report(b, figure{name: "another's link change when idle: median", unit: duration, ours: middle(delays["idle"]), baseline: none})
	theirs := delays["baseline"]
	for _, name := range []string{bursts.name, clsact.name, plain.name} {
		ours := delays[name]
		if len(ours) == 0 { // attached before another change fell due
			continue
		}
		report(b, figure{name: what + name + ": median", unit: duration, ours: middle(ours), baseline: middle(theirs), aim: h.aim(aims[name])})
		report(b, figure{name: what + name + ": longest", unit: duration, ours: float64(slices.Max(ours)), baseline: float64(slices.Max(theirs))})
	}
}

func (h *host) delaysDuring(b *testing.B, p *prober, w way, targets []boathook.Target) []time.Duration {
	b.Helper()
	rt := w.runtime(b)
	delays := p.during(b, func() { add(b, rt, targets...) })
	qt.Check(b, qt.IsNil(rt.Close()))
	h.removeQdiscs(b)
	return delays
}

// delaysWhenIdle are those of a tenth of a second in which nothing is attached.
func (*host) delaysWhenIdle(b *testing.B, p *prober) []time.Duration {
	b.Helper()
	return p.during(b, func() { <-time.After(100 * time.Millisecond) })
}

// setMTU changes a link and waits for the kernel's answer.
func setMTU(socket int, link int32, mtu uint32) error {
	const length = unix.SizeofNlMsghdr + unix.SizeofIfInfomsg + unix.SizeofRtAttr + 4
	msg := make([]byte, length)
	binary.NativeEndian.PutUint32(msg[0:], length)
	binary.NativeEndian.PutUint16(msg[4:], unix.RTM_SETLINK)
	binary.NativeEndian.PutUint16(msg[6:], unix.NLM_F_REQUEST|unix.NLM_F_ACK)
	binary.NativeEndian.PutUint32(msg[20:], uint32(link))
	binary.NativeEndian.PutUint16(msg[32:], unix.SizeofRtAttr+4)
	binary.NativeEndian.PutUint16(msg[34:], unix.IFLA_MTU)
	binary.NativeEndian.PutUint32(msg[36:], mtu)
	if err := unix.Sendto(socket, msg, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("change link: %w", err)
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(socket, answer, 0)
	if err != nil {
		return fmt.Errorf("change link: %w", err)
	}
	if n < 20 {
		return fmt.Errorf("change link: answer of %d bytes", n)
	}
	if code := int32(binary.NativeEndian.Uint32(answer[16:])); code != 0 {
		return fmt.Errorf("change link: %w", unix.Errno(-code))
	}
	return nil
}
