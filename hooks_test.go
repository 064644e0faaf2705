// SPDX-License-Identifier: Apache-2.0

package boathook_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

// hooks lists the hooks of targets, one line each: link, direction, position,
// backend, and what it is; "ours" behind what is.
func hooks(tb testing.TB, targets ...boathook.Target) ([]boathook.HookEntry, []string) {
	tb.Helper()
	entries, err := boathook.Hooks(context.Background(), targets...)
	qt.Assert(tb, qt.IsNil(err))
	var lines []string
	for _, e := range entries {
		name := e.Link.Name
		if e.Host.Name != "" {
			name += "/" + e.Host.Name
		}
		line := fmt.Sprintf("%s %s %d %s %s%s", name, e.Direction, e.Position, e.Backend, e.ProgramName, e.Filter.Kind)
		if e.Ours {
			line += " ours"
		}
		lines = append(lines, line)
	}
	return entries, lines
}

// attachOwn attaches a program called "theirs" without any of our help.
func attachOwn(tb testing.TB, ns *netns.NS, index int, at ebpf.AttachType) {
	tb.Helper()
	spec := returning(verdictUnspec)
	spec.Programs["prog"].Name = "theirs"
	coll, err := ebpf.NewCollection(spec)
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(coll.Close)
	err = ns.Do(func() error {
		l, err := link.AttachTCX(link.TCXOptions{Interface: index, Program: coll.Programs["prog"], Attach: at})
		if err == nil {
			tb.Cleanup(func() { qt.Check(tb, qt.IsNil(l.Close())) })
		}
		return err
	})
	testutil.SkipIfNotSupported(tb, err)
	qt.Assert(tb, qt.IsNil(err))
}

func TestHooksAreListedAsPacketsMeetThem(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	target := s.hosted(t, "web")
	attachOwn(t, s.inside, s.innerIndex, ebpf.AttachTCXIngress)
	rt := newRuntime(t, boathook.Options{Program: bothWays(verdictUnspec), Backend: boathook.TCX})
	add(t, rt, target)
	testutil.Exec(t, s.host, "tc", "qdisc", "add", "dev", "vethweb", "clsact")
	testutil.Exec(t, s.host, "tc", "filter", "add", "dev", "vethweb", "egress", "protocol", "ip", "prio", "7", "bpf", "bytecode", "1,6 0 0 0")
	attachOwn(t, s.inside, s.innerIndex, ebpf.AttachTCXEgress)

	entries, lines := hooks(t, target)

	qt.Assert(t, qt.DeepEquals(lines, []string{
		// Into the container: out of the host end, then in.
		"eth0/vethweb ingress 0 tcx boathook ours",
		"eth0/vethweb ingress 1 clsact bpf",
		"eth0 ingress 0 tcx theirs",
		"eth0 egress 0 tcx theirs",
		"eth0/vethweb egress 0 tcx boathook ours",
	}))
	for _, e := range entries {
		qt.Check(t, qt.Equals(e.Target, "web"))
		qt.Check(t, qt.Equals(e.Netns, s.inside.Inode()))
		qt.Check(t, qt.Equals(e.Link.Ifindex, s.innerIndex))
	}
	ours, filter, theirs := entries[0], entries[1], entries[2]
	qt.Check(t, qt.Equals(ours.ProgramID, attachments(t, rt)[0].ProgramID))
	qt.Check(t, qt.Not(qt.Equals(ours.LinkID, 0)))
	qt.Check(t, qt.Equals(filter.Filter.Priority, 7))
	qt.Check(t, qt.Equals(filter.Filter.Protocol, 0x0800))
	qt.Check(t, qt.Equals(filter.ProgramID, 0), qt.Commentf("it is classic BPF"))
	qt.Check(t, qt.Equals(theirs.ProgramTag, programTag(t, theirs.ProgramID)))
}

func programTag(tb testing.TB, id ebpf.ProgramID) string {
	tb.Helper()
	prog, err := ebpf.NewProgramFromID(id)
	qt.Assert(tb, qt.IsNil(err))
	defer prog.Close()
	info, err := prog.Info()
	qt.Assert(tb, qt.IsNil(err))
	return info.Tag
}

func TestHooksTellWhichProcessMadeAFilter(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	target := s.hosted(t, "web")
	for range 2 {
		rt := newRuntime(t, boathook.Options{Program: bothWays(verdictUnspec), Backend: boathook.Clsact})
		add(t, rt, target)
	}
	entries, lines := hooks(t, target)
	qt.Assert(t, qt.DeepEquals(lines, []string{
		"eth0/vethweb ingress 0 clsact boathookbpf ours", "eth0/vethweb ingress 1 clsact boathookbpf ours",
		"eth0/vethweb egress 0 clsact boathookbpf ours", "eth0/vethweb egress 1 clsact boathookbpf ours",
	}))
	qt.Check(t, qt.Not(qt.Equals(entries[0].Owner, "")))
	qt.Check(t, qt.Not(qt.Equals(entries[0].Owner, entries[1].Owner)))
	qt.Check(t, qt.Equals(entries[0].Owner, entries[2].Owner))
	qt.Check(t, qt.StringContains(entries[0].Filter.Name, entries[0].Owner))
}

func TestHooksShowTheQdiscThatKeepsClsactAway(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	testutil.Exec(t, s.inside, "tc", "qdisc", "add", "dev", "eth0", "ingress")
	_, lines := hooks(t, s.inner("web"))
	qt.Check(t, qt.DeepEquals(lines, []string{"eth0 ingress 0 ingress "}))
}

// The directions of a link that is itself the target are its own.
func TestHooksOfALinkAreInItsOwnDirection(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	self, err := netns.Self()
	qt.Assert(t, qt.IsNil(err))
	defer self.Close()
	_, index := testutil.Veth(t, s.host, "vethnear", self, "vethhooks0")
	attachOwn(t, self, index, ebpf.AttachTCXIngress)
	entries, lines := hooks(t, boathook.Target{Interface: "vethhooks*"})
	qt.Assert(t, qt.DeepEquals(lines, []string{"/vethhooks0 ingress 0 tcx theirs"}))
	qt.Check(t, qt.Equals(entries[0].Host.Ifindex, index))
	qt.Check(t, qt.Equals(entries[0].Netns, self.Inode()))

	_, lines = hooks(t, boathook.Target{Interface: "vethhooks0", Ifindex: index})
	qt.Check(t, qt.HasLen(lines, 1))
	_, err = boathook.Hooks(context.Background(), boathook.Target{Interface: "vethhooks0", Ifindex: index + 1000})
	qt.Check(t, qt.ErrorIs(err, os.ErrNotExist))
}

func TestHooksOfWhatIsNotThereAreErrorsBesideTheOthers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	attachOwn(t, s.inside, s.innerIndex, ebpf.AttachTCXIngress)
	entries, err := boathook.Hooks(context.Background(),
		boathook.Target{ID: "link", Interface: "bh-no-such*"},
		boathook.Target{ID: "host", PID: os.Getpid()},
		boathook.Target{ID: "gone", PID: deadProcess(t)},
		boathook.Target{ID: "nowhere"},
		s.inner("web"))
	qt.Check(t, qt.HasLen(entries, 1))
	qt.Check(t, qt.ErrorIs(err, os.ErrNotExist))
	qt.Check(t, qt.ErrorIs(err, boathook.ErrHostNetwork))
	qt.Check(t, qt.ErrorMatches(err, "(?s)link: .*\nhost: .*\ngone: .*\nnowhere: nothing says .*"))

	entries, err = boathook.Hooks(&cancelledAt{Context: context.Background(), n: 1}, s.inner("web"))
	qt.Check(t, qt.ErrorIs(err, context.Canceled))
	qt.Check(t, qt.HasLen(entries, 0))
	entries, err = boathook.Hooks(context.Background())
	qt.Check(t, qt.IsNil(err))
	qt.Check(t, qt.HasLen(entries, 0))
}
