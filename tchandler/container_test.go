// SPDX-License-Identifier: Apache-2.0

package tchandler_test

import (
	"os"
	"strconv"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
	"github.com/boathook/boathook/tchandler"
)

func TestDirectionIsTheContainersOwn(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opts boathook.Options) {
		t.Helper()
		p := newPod(t, 1)
		in, incoming := newHandler(t, ingress, opts)
		out, outgoing := newHandler(t, egress, opts)
		qt.Assert(t, qt.IsNil(in.AttachContainer(p.container("a"))))
		qt.Assert(t, qt.IsNil(out.AttachContainer(p.container("a"))))
		qt.Check(t, qt.Equals(p.links[0].receive(t, 5), 5))
		qt.Check(t, qt.Equals(p.links[0].send(t, 3), 3))
		qt.Check(t, qt.Equals(incoming.took(t, p.inside), 5))
		qt.Check(t, qt.Equals(outgoing.took(t, p.inside), 3))
		qt.Check(t, qt.Equals(attachments(t, in)[0].Host.Ifindex, p.links[0].Index))
	})
}

func TestRow01SecondContainerOnSharedLinks(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opts boathook.Options) {
		t.Helper()
		p := newPod(t, 2)
		h, g := newHandler(t, ingress, opts)
		qt.Assert(t, qt.IsNil(h.AttachContainer(p.container("a"))))
		qt.Assert(t, qt.IsNil(h.AttachContainer(p.container("b"))))
		qt.Check(t, qt.HasLen(p.hooks(t), 2))
		qt.Assert(t, qt.IsNil(h.DetachContainer(p.container("a"))))
		for _, l := range p.links {
			qt.Check(t, qt.Equals(l.receive(t, 4), 4))
			qt.Check(t, qt.Equals(g.took(t, p.inside), 4), qt.Commentf(l.Name))
		}
		qt.Assert(t, qt.IsNil(h.DetachContainer(p.container("b"))))
		qt.Check(t, qt.HasLen(p.hooks(t), 0))
	})
}

func TestRow02DetachTakesAllLinksOfTheContainer(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opts boathook.Options) {
		t.Helper()
		p := newPod(t, 2)
		h, g := newHandler(t, egress, opts)
		qt.Assert(t, qt.IsNil(h.AttachContainer(p.container("a"))))
		qt.Check(t, qt.HasLen(p.hooks(t), 2))
		qt.Assert(t, qt.IsNil(h.DetachContainer(p.container("a"))))
		qt.Check(t, qt.HasLen(p.hooks(t), 0))
		qt.Check(t, qt.Equals(p.links[0].send(t, 2)+p.links[1].send(t, 2), 4))
		qt.Check(t, qt.Equals(g.took(t, p.inside), 0))
	})
}

func TestRow03PartOfAContainerIsUndoneAndTheRetryIsReal(t *testing.T) {
	t.Parallel()
	p := newPod(t, 2)
	h, g := newHandler(t, ingress, boathook.Options{Backend: boathook.Clsact})
	// What other tools put there is in the way of clsact on one of the links (row 8).
	testutil.Exec(t, p.host, "tc", "qdisc", "add", "dev", p.links[1].Name, "ingress")
	for range 2 {
		err := h.AttachContainer(p.container("a"))
		qt.Check(t, qt.ErrorMatches(err, `(?s)attach container web \(pid \d+\): container/a: link `+p.links[1].Name+` \(ifindex \d+\): .*an ingress qdisc is in the way`))
		qt.Check(t, qt.HasLen(p.hooks(t), 1), qt.Commentf("the qdisc alone: %q", p.hooks(t)))
		qt.Check(t, qt.HasLen(attachments(t, h), 0))
	}
	testutil.Exec(t, p.host, "tc", "qdisc", "del", "dev", p.links[1].Name, "ingress")
	qt.Assert(t, qt.IsNil(h.AttachContainer(p.container("a"))))
	for _, l := range p.links {
		qt.Check(t, qt.Equals(l.receive(t, 3), 3))
		qt.Check(t, qt.Equals(g.took(t, p.inside), 3), qt.Commentf(l.Name))
	}
}

// Names come again at once when a container is made anew.
func TestRow04NewContainerBehindTheNameOfAnOldOne(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opts boathook.Options) {
		t.Helper()
		before, after := newPod(t, 1), newPod(t, 0)
		name := before.links[0].Name
		h, g := newHandler(t, ingress, opts)
		qt.Assert(t, qt.IsNil(h.AttachContainer(before.container("before"))))
		testutil.Exec(t, before.host, "ip", "link", "del", name)
		l := after.addLink(t, name)
		qt.Assert(t, qt.IsNil(h.AttachContainer(after.container("after"))))
		qt.Assert(t, qt.IsNil(h.DetachContainer(before.container("before"))))
		qt.Check(t, qt.Equals(l.receive(t, 4), 4))
		qt.Check(t, qt.Equals(g.took(t, after.inside), 4))
	})
}

func TestRow09PeerInAThirdNamespaceIsNotTakenForTheHosts(t *testing.T) {
	t.Parallel()
	// The far end of the container's link has the ifindex of a link of the host.
	other, p := newPod(t, 1), newPod(t, 0)
	far := testutil.Netns(t)
	index := strconv.Itoa(other.links[0].Index)
	testutil.Exec(t, far, "ip", "link", "add", "far0", "index", index, "type", "veth", "peer", "name", "net0", "netns", testutil.Path(p.inside))
	testutil.Exec(t, p.inside, "ip", "link", "set", "net0", "up")
	h, _ := newHandler(t, ingress, boathook.Options{})
	qt.Assert(t, qt.IsNil(h.AttachContainer(p.container("a"))))
	qt.Check(t, qt.HasLen(other.hooks(t), 0))
	list := attachments(t, h)
	qt.Assert(t, qt.HasLen(list, 1))
	qt.Check(t, qt.Equals(list[0].Link.Name, "net0"))
	qt.Check(t, qt.Equals(list[0].Host.Ifindex, 0), qt.Commentf("attached inside"))
}

// The host may be in another namespace than we are: then it is that of process 1.
func TestRow10ProcessesOfTheHostAreNoContainers(t *testing.T) {
	t.Parallel()
	p := newPod(t, 1)
	far := testutil.Process(t, testutil.Netns(t))
	h, _ := newHandler(t, ingress, boathook.Options{})
	h.SetHostPID(far)
	for _, pid := range []int{far, os.Getpid()} {
		err := h.AttachContainer(&tchandler.Container{ID: "host", PID: pid})
		qt.Check(t, qt.ErrorIs(err, boathook.ErrHostNetwork), qt.Commentf("pid %d", pid))
	}
	qt.Check(t, qt.IsNotNil(h.AttachContainer(&tchandler.Container{ID: "init", PID: 1})))
	qt.Check(t, qt.HasLen(p.hooks(t), 0))
	qt.Check(t, qt.HasLen(attachments(t, h), 0))
}

func TestRow32HostInAnotherNamespaceHasTheHostEnds(t *testing.T) {
	t.Parallel()
	far, inside := testutil.Netns(t), testutil.Netns(t)
	hostEnd, _ := testutil.Veth(t, far, "vethweb", inside, "eth0")
	h, _ := newHandler(t, ingress, boathook.Options{})
	h.SetHostPID(testutil.Process(t, far))
	qt.Assert(t, qt.IsNil(h.AttachContainer(&tchandler.Container{ID: "a", PID: testutil.Process(t, inside)})))
	list := attachments(t, h)
	qt.Assert(t, qt.HasLen(list, 1))
	qt.Check(t, qt.Equals(list[0].Host, boathook.Link{Name: "vethweb", Ifindex: hostEnd}))
}

func TestRow13HostNetworkIsAnError(t *testing.T) {
	t.Parallel()
	h, _ := newHandler(t, ingress, boathook.Options{})
	c := &tchandler.Container{ID: "a", PID: os.Getpid(), HostNetwork: true, Name: "web"}
	err := h.AttachContainer(c)
	qt.Check(t, qt.ErrorIs(err, boathook.ErrHostNetwork))
	qt.Check(t, qt.ErrorMatches(err, `attach container web \(pid \d+\): container/a: container shares the network of the host`))
	for range 2 {
		qt.Check(t, qt.IsNil(h.DetachContainer(c)), qt.Commentf("there is nothing to detach (row 42)"))
	}
}

func TestRow14LinksOfEveryKindAndTime(t *testing.T) {
	t.Parallel()
	p := newPod(t, 0)
	h, g := newHandler(t, ingress, boathook.Options{})
	qt.Assert(t, qt.IsNil(h.AttachContainer(p.container("a"))), qt.Commentf("no link yet"))
	l := p.addLink(t, p.name("l"))
	testutil.Eventually(t, patience, func() bool { return len(attachments(t, h)) == 1 }, "the late link is attached")
	qt.Check(t, qt.Equals(l.receive(t, 3), 3))
	qt.Check(t, qt.Equals(g.took(t, p.inside), 3))
	testutil.Exec(t, p.inside, "ip", "link", "add", "mv0", "link", "net0", "type", "macvlan")
	testutil.Eventually(t, patience, func() bool { return len(attachments(t, h)) == 2 }, "the macvlan is attached inside")
}

func TestRow26IdentityIsTheContainers(t *testing.T) {
	t.Parallel()
	p := newPod(t, 1)
	h, g := newHandler(t, ingress, boathook.Options{})
	// The second has the process id that the first one had.
	qt.Assert(t, qt.IsNil(h.AttachContainer(p.container("first"))))
	qt.Assert(t, qt.IsNil(h.AttachContainer(p.container("second"))))
	qt.Assert(t, qt.IsNil(h.DetachContainer(p.container("first"))))
	qt.Check(t, qt.Equals(p.links[0].receive(t, 2), 2))
	qt.Check(t, qt.Equals(g.took(t, p.inside), 2))
}

func TestRow26ContainerStartedAnewIsFollowed(t *testing.T) {
	t.Parallel()
	old, fresh := newPod(t, 1), newPod(t, 1)
	h, g := newHandler(t, ingress, boathook.Options{})
	for range 2 {
		qt.Assert(t, qt.IsNil(h.AttachContainer(old.container("a"))))
	}
	qt.Assert(t, qt.IsNil(h.AttachContainer(fresh.container("a"))))
	qt.Assert(t, qt.IsNil(h.DetachContainer(old.container("a"))), qt.Commentf("the end of the first process, told late"))
	qt.Check(t, qt.Equals(fresh.links[0].receive(t, 4)+old.links[0].receive(t, 4), 8))
	qt.Check(t, qt.Equals(g.took(t, fresh.inside), 4))
	qt.Check(t, qt.Equals(g.took(t, old.inside), 0))
	qt.Assert(t, qt.IsNil(h.DetachContainer(&tchandler.Container{ID: "a"})))
	qt.Check(t, qt.HasLen(fresh.hooks(t), 0))
}

// Inode numbers of namespaces are given out again at once.
func TestRow27NamespaceOfADeadContainerIsHeld(t *testing.T) {
	t.Parallel()
	h, _ := newHandler(t, ingress, boathook.Options{})
	inside, err := netns.New()
	qt.Assert(t, qt.IsNil(err))
	inode := inside.Inode()
	pid := testutil.Process(t, inside)
	qt.Assert(t, qt.IsNil(h.AttachContainer(&tchandler.Container{ID: "a", PID: pid})))
	qt.Assert(t, qt.IsNil(inside.Close()))
	qt.Assert(t, qt.IsNil(unix.Kill(pid, unix.SIGKILL)))
	for range 20 {
		ns, err := netns.New()
		qt.Assert(t, qt.IsNil(err))
		qt.Check(t, qt.Not(qt.Equals(ns.Inode(), inode)))
		qt.Assert(t, qt.IsNil(ns.Close()))
	}
	qt.Assert(t, qt.IsNil(h.DetachContainer(&tchandler.Container{ID: "a", PID: pid})))
}

func TestRow42DetachAfterAFailedAttachIsNoError(t *testing.T) {
	t.Parallel()
	h, _ := newHandler(t, ingress, boathook.Options{})
	c := &tchandler.Container{ID: "short", PID: 1 << 22, Name: "job"}
	err := h.AttachContainer(c)
	qt.Check(t, qt.ErrorIs(err, os.ErrNotExist))
	qt.Check(t, qt.ErrorMatches(err, `attach container job \(pid 4194304\): container/short: open netns of pid 4194304: no such process`))
	qt.Check(t, qt.IsNil(h.DetachContainer(c)))
	qt.Check(t, qt.ErrorIs(h.DetachContainer(c), boathook.ErrNotAttached))

	// What is known of the process of a container that has ended.
	c.PID = 0
	err = h.AttachContainer(c)
	qt.Check(t, qt.ErrorIs(err, os.ErrNotExist))
	qt.Check(t, qt.ErrorMatches(err, `attach container job \(pid 0\): no process has that id: .*`))
	qt.Check(t, qt.IsNil(h.DetachContainer(c)))
	qt.Check(t, qt.ErrorIs(h.DetachContainer(c), boathook.ErrNotAttached))
}

func TestAFailedSecondAttachIsOverWithTheContainer(t *testing.T) {
	t.Parallel()
	p := newPod(t, 1)
	h, _ := newHandler(t, ingress, boathook.Options{})
	c := p.container("a")
	qt.Assert(t, qt.IsNil(h.AttachContainer(c)))
	qt.Check(t, qt.ErrorIs(h.AttachContainer(&tchandler.Container{ID: "a", PID: 1 << 22}), os.ErrNotExist))
	qt.Check(t, qt.HasLen(p.hooks(t), 1), qt.Commentf("the first one stays"))
	qt.Assert(t, qt.IsNil(h.DetachContainer(c)))
	qt.Check(t, qt.HasLen(p.hooks(t), 0))
	qt.Check(t, qt.ErrorIs(h.DetachContainer(c), boathook.ErrNotAttached))
}

func TestRow25FilterThatSomebodyRemovedIsMadeAgain(t *testing.T) {
	t.Parallel()
	p := newPod(t, 1)
	h, g := newHandler(t, ingress, boathook.Options{Backend: boathook.Clsact})
	qt.Assert(t, qt.IsNil(h.AttachContainer(p.container("a"))))
	testutil.Exec(t, p.host, "tc", "qdisc", "del", "dev", p.links[0].Name, "clsact")
	// Any change of the link makes us look; so does the caller, at any time.
	qt.Assert(t, qt.IsNil(h.AttachContainer(p.container("a"))))
	qt.Check(t, qt.Equals(p.links[0].receive(t, 3), 3))
	qt.Check(t, qt.Equals(g.took(t, p.inside), 3))
}
