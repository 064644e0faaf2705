// SPDX-License-Identifier: Apache-2.0

package boathook_test

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/internal/testutil"
)

// counter is the first element of the map "seen".
func counter(tb testing.TB, m *ebpf.Map) uint64 {
	tb.Helper()
	var n uint64
	qt.Assert(tb, qt.IsNil(m.Lookup(uint32(0), &n)))
	return n
}

func TestReplaceKeepsMapsOfTheSameName(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	rt := newRuntime(t, boathook.Options{Program: bothWays(verdictUnspec)})
	add(t, rt, s.hosted(t, "web"))
	host, inner := testutil.Listen(t, s.host, hostAddr), testutil.Listen(t, s.inside, innerAddr)
	send(t, inner, host, 3)
	qt.Assert(t, qt.IsNil(rt.Replace(context.Background(), bothWays(verdictShot))))
	send(t, inner, host, 2)
	qt.Check(t, qt.Equals(counter(t, rt.Maps()["seen"]), 5))
	verdicts := attachments(t, rt)[1].Counters.Verdicts
	qt.Check(t, qt.DeepEquals(verdicts, map[string]uint64{"unspec": 3, "shot": 2}))
}

func TestReplaceMissesNoPacketAndSeesNoneTwice(t *testing.T) {
	t.Parallel()
	const swaps = 200
	s := newSite(t)
	// Each program counts in a map of its own name, so that the sum shows what the
	// programs saw together.
	programs := [2]boathook.Program{counting("even"), counting("odd")}
	rt := newRuntime(t, boathook.Options{Program: programs[0]})
	add(t, rt, s.hosted(t, "web"))
	host, inner := testutil.Listen(t, s.host, hostAddr), testutil.Listen(t, s.inside, innerAddr)

	var sent, failed atomic.Uint64
	stop := make(chan struct{})
	var sender sync.WaitGroup
	sender.Go(func() { flood(inner, host.LocalAddr(), &sent, &failed, stop) })
	var seen uint64
	for i := range swaps {
		old := rt.Maps()[names[i%2]]
		kept, err := old.Clone()
		qt.Assert(t, qt.IsNil(err))
		qt.Assert(t, qt.IsNil(rt.Replace(context.Background(), programs[(i+1)%2])))
		seen += counter(t, kept)
		qt.Assert(t, qt.IsNil(kept.Close()))
	}
	close(stop)
	sender.Wait()
	seen += counter(t, rt.Maps()[names[swaps%2]])
	// A call that fails may have got its packet past the hook before it was dropped.
	qt.Check(t, qt.IsTrue(seen >= sent.Load() && seen <= sent.Load()+failed.Load()),
		qt.Commentf("seen %d, sent %d, failed %d", seen, sent.Load(), failed.Load()))
	qt.Check(t, qt.Equals(attachments(t, rt)[1].Counters.Packets, seen))
	qt.Check(t, qt.Equals(attachments(t, rt)[1].Counters.NotRun, 0))
	t.Logf("%d packets, %d swaps", sent.Load(), swaps)
}

var names = [2]string{"even", "odd"}

// counting is returning with its map under another name, which is therefore not
// kept over a swap.
func counting(name string) boathook.Program {
	spec := returning(verdictUnspec)
	spec.Maps[name] = spec.Maps["seen"]
	delete(spec.Maps, "seen")
	insns := spec.Programs["prog"].Instructions
	for i := range insns {
		if insns[i].Reference() == "seen" {
			insns[i] = insns[i].WithReference(name)
		}
	}
	return boathook.Program{Spec: spec, Ingress: "prog", Egress: "prog"}
}

// flood sends datagrams until stop is closed and counts them.
func flood(from *net.UDPConn, to net.Addr, sent, failed *atomic.Uint64, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		if _, err := from.WriteTo([]byte("boathook"), to); err != nil {
			failed.Add(1)
			continue
		}
		sent.Add(1)
	}
}

func TestAProgramThatCannotReplaceChangesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	rt := newRuntime(t, boathook.Options{Program: bothWays(verdictUnspec)})
	add(t, rt, s.hosted(t, "web"))
	other := bothWays(verdictShot)
	other.Spec.Maps["seen"].ValueSize = 16
	qt.Check(t, qt.ErrorMatches(rt.Replace(context.Background(), other), "keep map seen of the program before: .*"))
	oneWay := bothWays(verdictShot)
	oneWay.Egress = ""
	qt.Check(t, qt.ErrorMatches(rt.Replace(context.Background(), oneWay), "replace: the new program serves other directions"))
	host, inner := testutil.Listen(t, s.host, hostAddr), testutil.Listen(t, s.inside, innerAddr)
	send(t, inner, host, 2)
	qt.Check(t, qt.DeepEquals(attachments(t, rt)[1].Counters.Verdicts, map[string]uint64{"unspec": 2}))
}

// Also while nothing is attached, so that nothing fails later for it.
func TestReplaceRefusesWhatCannotRunWhateverIsAttached(t *testing.T) {
	t.Parallel()
	rt := newRuntime(t, boathook.Options{Program: bothWays(verdictUnspec)})
	rejected := objectBothWays(testutil.Object(t, "rejected"), first(t, "rejected"))
	qt.Check(t, qt.ErrorMatches(rt.Replace(context.Background(), rejected), "load program .*"))
	qt.Assert(t, qt.IsNil(rt.Replace(context.Background(), bothWays(verdictShot))))
	qt.Check(t, qt.IsNotNil(rt.Maps()["seen"]))
	s := newSite(t)
	add(t, rt, s.inner("web"))
	qt.Check(t, qt.HasLen(attachments(t, rt), 2))
}
