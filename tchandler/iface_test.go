// SPDX-License-Identifier: Apache-2.0

package tchandler_test

import (
	"net"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/internal/testutil"
)

func TestInterfaceHasItsOwnDirection(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opts boathook.Options) {
		t.Helper()
		p := newPod(t, 1)
		l := p.links[0]
		h, g := newHandler(t, ingress, opts)
		for range 2 {
			qt.Assert(t, qt.IsNil(h.AttachIface(&l.Interface)))
		}
		qt.Check(t, qt.Equals(l.send(t, 5)+l.receive(t, 2), 7))
		qt.Check(t, qt.Equals(g.took(t, p.host), 5), qt.Commentf("what the container sends comes in at the host's end"))
		qt.Check(t, qt.HasLen(p.hooks(t), 1))
		qt.Assert(t, qt.IsNil(h.DetachIface(&l.Interface)))
		qt.Check(t, qt.HasLen(p.hooks(t), 0))
		qt.Check(t, qt.ErrorIs(h.DetachIface(&l.Interface), boathook.ErrNotAttached))
	})
}

func TestRow04RenamedInterfaceStaysAttached(t *testing.T) {
	t.Parallel()
	p := newPod(t, 1)
	l := p.links[0]
	h, g := newHandler(t, ingress, boathook.Options{})
	qt.Assert(t, qt.IsNil(h.AttachIface(&l.Interface)))
	renamed := p.name("r")
	// Down: below Linux 6.2 a link that is up keeps its name.
	testutil.Exec(t, p.host, "ip", "link", "set", l.Name, "down")
	testutil.Exec(t, p.host, "ip", "link", "set", l.Name, "name", renamed)
	testutil.Exec(t, p.host, "ip", "link", "set", renamed, "up")
	testutil.Eventually(t, patience, func() bool {
		list := attachments(t, h)
		return len(list) == 1 && list[0].Host.Name == renamed
	}, "the new name is known")
	testutil.Eventually(t, patience, func() bool { return l.send(t, 1) == 1 }, "the link carries packets again")
	g.took(t, p.host)
	qt.Check(t, qt.Equals(l.send(t, 3), 3))
	qt.Check(t, qt.Equals(g.took(t, p.host), 3))
	// The interface is known by what the caller was given at first.
	qt.Assert(t, qt.IsNil(h.DetachIface(&l.Interface)))
	qt.Check(t, qt.HasLen(p.hooks(t), 0))
}

func TestRow04SameNameIsAnotherInterface(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opts boathook.Options) {
		t.Helper()
		before, after := newPod(t, 1), newPod(t, 0)
		old := before.links[0]
		h, g := newHandler(t, ingress, opts)
		qt.Assert(t, qt.IsNil(h.AttachIface(&old.Interface)))
		testutil.Exec(t, before.host, "ip", "link", "del", old.Name)
		fresh := after.addLink(t, old.Name)
		testutil.Eventually(t, patience, func() bool { return len(attachments(t, h)) == 0 }, "the old one is forgotten (row 25)")
		qt.Check(t, qt.Equals(fresh.send(t, 2), 2))
		qt.Check(t, qt.Equals(g.took(t, after.host), 0), qt.Commentf("nobody asked for this one"))

		qt.Assert(t, qt.IsNil(h.AttachIface(&fresh.Interface)))
		qt.Assert(t, qt.IsNil(h.DetachIface(&old.Interface)))
		qt.Check(t, qt.Equals(fresh.send(t, 4), 4))
		qt.Check(t, qt.Equals(g.took(t, after.host), 4))
	})
}

func TestRow04SameIndexIsAnotherInterface(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opts boathook.Options) {
		t.Helper()
		p := newPod(t, 0)
		h, _ := newHandler(t, ingress, opts)
		iface := &net.Interface{Index: int(p.inside.Inode() & 0xffffff), Name: p.name("a")}
		remake := func() {
			p.dropLink(iface.Name)
			testutil.Exec(t, p.host, "ip", "link", "add", iface.Name, "index", strconv.Itoa(iface.Index), "type", "veth", "peer", "name", iface.Name+"x")
		}
		defer p.dropLink(iface.Name)
		remake()
		qt.Assert(t, qt.IsNil(h.AttachIface(iface)))
		qt.Check(t, qt.HasLen(attachments(t, h), 1))
		remake()
		testutil.Eventually(t, patience, func() bool { return len(attachments(t, h)) == 0 }, "the old one is forgotten")
		// To attach the index again is to attach the interface that has it.
		qt.Assert(t, qt.IsNil(h.AttachIface(iface)))
		qt.Check(t, qt.HasLen(attachments(t, h), 1))
		qt.Assert(t, qt.IsNil(h.DetachIface(iface)))
		qt.Check(t, qt.HasLen(attachments(t, h), 0))
	})
}

func TestRow11InterfaceOfAnotherNamespaceIsAnError(t *testing.T) {
	t.Parallel()
	p := newPod(t, 1)
	h, _ := newHandler(t, ingress, boathook.Options{})
	// As looked up inside: net0 has an index that means something else on the host.
	err := h.AttachIface(&net.Interface{Index: p.links[0].Index, Name: "net0"})
	qt.Check(t, qt.ErrorIs(err, os.ErrNotExist))
	qt.Check(t, qt.ErrorMatches(err, `attach interface net0 \(ifindex (\d+)\): interface/\d+: .*ifindex \d+ is `+p.links[0].Name+` here, was it looked up in another network namespace\?.*`))
	err = h.AttachIface(&net.Interface{Index: 1 << 30, Name: "net0"})
	qt.Check(t, qt.ErrorIs(err, os.ErrNotExist))
	qt.Check(t, qt.ErrorMatches(err, `.*no link here has ifindex 1073741824.*`))
	qt.Check(t, qt.HasLen(p.hooks(t), 0))
	qt.Check(t, qt.HasLen(attachments(t, h), 0))
}

// An interface just made is attached at once, though the kernel's message about it
// may not have been read.
func TestYoungInterfaceIsAttachedAtOnce(t *testing.T) {
	t.Parallel()
	p := newPod(t, 0)
	h, _ := newHandler(t, egress, boathook.Options{})
	for i := range 10 {
		iface := &net.Interface{Name: p.name("y" + strconv.Itoa(i))}
		var maker sync.WaitGroup
		maker.Go(func() {
			_, err := testutil.ExecErr(p.host, "ip", "link", "add", iface.Name, "type", "veth", "peer", "name", iface.Name+"x")
			qt.Check(t, qt.IsNil(err))
		})
		iface.Index = awaitIndex(t, iface.Name)
		qt.Assert(t, qt.IsNil(h.AttachIface(iface)))
		qt.Check(t, qt.HasLen(attachments(t, h), i+1))
		maker.Wait()
		defer p.dropLink(iface.Name)
	}
}

// awaitIndex returns the interface index of a link as soon as it has one.
func awaitIndex(tb testing.TB, name string) int {
	tb.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	qt.Assert(tb, qt.IsNil(err))
	defer func() { qt.Check(tb, qt.IsNil(unix.Close(fd))) }()
	req, err := unix.NewIfreq(name)
	qt.Assert(tb, qt.IsNil(err))
	deadline := time.Now().Add(patience)
	for unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, req) != nil {
		qt.Assert(tb, qt.IsTrue(time.Now().Before(deadline)))
	}
	return int(req.Uint32())
}

// A link that is a container's and attached by itself has both directions and both
// users, whoever comes or goes first.
func TestRows18To20LinkForAContainerAndForItself(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opts boathook.Options) {
		t.Helper()
		p := newPod(t, 1)
		l, c := p.links[0], p.container("a")
		h, g := newHandler(t, ingress, opts)
		check := func(asContainer, asIface int) {
			t.Helper()
			qt.Check(t, qt.Equals(l.receive(t, 6), 6))
			qt.Check(t, qt.Equals(l.send(t, 9), 9))
			qt.Check(t, qt.Equals(g.took(t, p.inside), asContainer))
			qt.Check(t, qt.Equals(g.took(t, p.host), asIface))
		}
		qt.Assert(t, qt.IsNil(h.AttachContainer(c)))
		qt.Assert(t, qt.IsNil(h.AttachIface(&l.Interface)))
		check(6, 9)
		qt.Assert(t, qt.IsNil(h.DetachContainer(c)))
		check(0, 9)
		qt.Assert(t, qt.IsNil(h.AttachContainer(c)))
		check(6, 9)
		qt.Assert(t, qt.IsNil(h.DetachIface(&l.Interface)))
		check(6, 0)
		qt.Assert(t, qt.IsNil(h.DetachContainer(c)))
		qt.Check(t, qt.HasLen(p.hooks(t), 0))
	})
}

// What is wrong with one interface is not held against another.
func TestInterfacesFailByThemselves(t *testing.T) {
	t.Parallel()
	p := newPod(t, 2)
	bad, good := p.links[0], p.links[1]
	h, g := newHandler(t, ingress, boathook.Options{Backend: boathook.Clsact})
	qt.Assert(t, qt.IsNil(h.AttachIface(&bad.Interface)))
	// Somebody takes our qdisc away and puts in its place one that is in the way.
	testutil.Exec(t, p.host, "tc", "qdisc", "del", "dev", bad.Name, "clsact")
	testutil.Exec(t, p.host, "tc", "qdisc", "add", "dev", bad.Name, "ingress")
	qt.Check(t, qt.ErrorMatches(h.AttachIface(&bad.Interface), `attach interface .*an ingress qdisc is in the way`))
	qt.Assert(t, qt.IsNil(h.AttachIface(&good.Interface)))
	qt.Check(t, qt.Equals(good.send(t, 3), 3))
	qt.Check(t, qt.Equals(g.took(t, p.host), 3))

	targets, err := h.Runtime().Targets()
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.HasLen(targets, 2))
	for _, target := range targets {
		if target.Target == "interface/"+strconv.Itoa(bad.Index) {
			qt.Check(t, qt.ErrorMatches(target.Err, `link `+bad.Name+` .*an ingress qdisc is in the way`))
		} else {
			qt.Check(t, qt.IsNil(target.Err))
		}
	}
	// Told, and mended as soon as it can be (row 25).
	testutil.Exec(t, p.host, "tc", "qdisc", "del", "dev", bad.Name, "ingress")
	testutil.Eventually(t, patience, func() bool { return len(attachments(t, h)) == 2 }, "attached again")
}
