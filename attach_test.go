// SPDX-License-Identifier: Apache-2.0

package boathook_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/internal/testutil"
)

func TestDirectionIsTheContainersOnBothEnds(t *testing.T) {
	t.Parallel()
	for _, backend := range []boathook.Backend{boathook.TCX, boathook.Clsact} {
		for _, hosted := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/hosted=%t", backend, hosted), func(t *testing.T) {
				t.Parallel()
				s := newSite(t)
				target := s.inner("web")
				if hosted {
					target = s.hosted(t, "web")
				}
				rt := newRuntime(t, boathook.Options{Program: bothWays(verdictShot), Backend: backend})
				add(t, rt, target)
				host, inner := testutil.Listen(t, s.host, hostAddr), testutil.Listen(t, s.inside, innerAddr)
				qt.Check(t, qt.Equals(send(t, inner, host, 7), 7))
				qt.Check(t, qt.Equals(send(t, host, inner, 4), 4))

				list := attachments(t, rt)
				qt.Assert(t, qt.HasLen(list, 2))
				checkDirection(t, list[0], s, boathook.Ingress, 4)
				checkDirection(t, list[1], s, boathook.Egress, 7)
				for _, a := range list {
					qt.Check(t, qt.Equals(a.Host.Ifindex != 0, hosted))
				}
			})
		}
	}
}

func checkDirection(tb testing.TB, a boathook.Attachment, s site, direction boathook.Direction, packets uint64) {
	tb.Helper()
	qt.Check(tb, qt.Equals(a.Direction, direction))
	qt.Check(tb, qt.Equals(a.Counters.Packets, packets))
	qt.Check(tb, qt.Equals(a.Counters.Verdicts["shot"], packets))
	qt.Check(tb, qt.Equals(a.Netns, s.inside.Inode()))
	qt.Check(tb, qt.Equals(a.Link, boathook.Link{Name: "eth0", Ifindex: s.innerIndex}))
}

func TestVerdictDecidesWhatArrives(t *testing.T) {
	t.Parallel()
	for verdict, want := range map[boathook.Verdict]int{boathook.Observe: 5, boathook.Drop: 0, boathook.Enforce: 0} {
		t.Run(verdict.String(), func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			rt := newRuntime(t, boathook.Options{Program: bothWays(verdictShot), Verdict: verdict})
			add(t, rt, s.hosted(t, "web"))
			host, inner := testutil.Listen(t, s.host, hostAddr), testutil.Listen(t, s.inside, innerAddr)
			qt.Check(t, qt.Equals(send(t, inner, host, 5), want))
			qt.Check(t, qt.Equals(send(t, host, inner, 5), want))
			qt.Assert(t, qt.IsNil(rt.Close()))
			qt.Check(t, qt.Equals(send(t, inner, host, 5), 5))
		})
	}
}

func TestContainersInOneNetnsAreAttachedOnceUntilTheLastGoes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	rt := newRuntime(t, boathook.Options{Program: bothWays(verdictUnspec)})
	target := s.hosted(t, "app")
	sidecar := target
	sidecar.ID = "sidecar"
	add(t, rt, target, sidecar)
	add(t, rt, target)
	list := attachments(t, rt)
	qt.Assert(t, qt.HasLen(list, 2))
	qt.Check(t, qt.DeepEquals(list[0].Targets, []string{"app", "sidecar"}))

	qt.Assert(t, qt.IsNil(rt.Remove("app")))
	qt.Check(t, qt.HasLen(attachments(t, rt), 2))
	qt.Check(t, qt.ErrorIs(rt.Remove("app"), boathook.ErrNotAttached))
	qt.Assert(t, qt.IsNil(rt.Remove("sidecar")))
	qt.Check(t, qt.HasLen(attachments(t, rt), 0))
}

func TestEveryLinkOfAContainerIsAttached(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	testutil.Veth(t, s.host, "vethtwo", s.inside, "eth1")
	testutil.Exec(t, s.inside, "ip", "link", "add", "mv0", "link", "eth1", "type", "macvlan")
	rt := newRuntime(t, boathook.Options{Program: bothWays(verdictUnspec)})
	add(t, rt, s.hosted(t, "web"))
	at := map[string]string{}
	for _, a := range attachments(t, rt) {
		at[a.Link.Name] = a.Host.Name
	}
	qt.Check(t, qt.DeepEquals(at, map[string]string{"eth0": "vethweb", "eth1": "vethtwo", "mv0": ""}))
}

func TestLinksThatComeLaterAreAttachedAndThoseThatGoForgotten(t *testing.T) {
	t.Parallel()
	s := site{host: testutil.Netns(t), inside: testutil.Netns(t)}
	rt := newRuntime(t, boathook.Options{Program: bothWays(verdictUnspec)})
	add(t, rt, s.hosted(t, "none"))
	qt.Assert(t, qt.HasLen(attachments(t, rt), 0))

	testutil.Veth(t, s.host, "vethlate", s.inside, "eth0")
	testutil.Eventually(t, patience, func() bool { return len(attachments(t, rt)) == 2 }, "the link is attached")
	// Down: below Linux 6.2 a link that is up keeps its name.
	testutil.Exec(t, s.host, "ip", "link", "set", "vethlate", "down")
	testutil.Exec(t, s.host, "ip", "link", "set", "vethlate", "name", "renamed")
	testutil.Eventually(t, patience, func() bool {
		list := attachments(t, rt)
		return len(list) == 2 && list[0].Host.Name == "renamed"
	}, "the link's new name is known")
	testutil.Exec(t, s.host, "ip", "link", "del", "renamed")
	testutil.Eventually(t, patience, func() bool { return len(attachments(t, rt)) == 0 }, "the link is forgotten")
	// The same name and, as numbers are given out in order, another ifindex.
	testutil.Veth(t, s.host, "renamed", s.inside, "eth0")
	testutil.Eventually(t, patience, func() bool { return len(attachments(t, rt)) == 2 }, "the new link of the old name is attached")
}

// Nobody outside has a link into the namespace, so no home hears of what happens in it.
func TestLinksThatComeLaterInALonelyNamespaceAreAttached(t *testing.T) {
	t.Parallel()
	s := site{inside: testutil.Netns(t)}
	rt := newRuntime(t, boathook.Options{Program: bothWays(verdictUnspec)})
	add(t, rt, s.inner("lonely"))
	qt.Assert(t, qt.HasLen(attachments(t, rt), 0))

	testutil.Veth(t, s.inside, "eth1", testutil.Netns(t), "eth0")
	testutil.Eventually(t, patience, func() bool { return len(attachments(t, rt)) == 2 }, "the link is attached")
	testutil.Veth(t, s.inside, "eth0", testutil.Netns(t), "eth0")
	testutil.Eventually(t, patience, func() bool { return len(attachments(t, rt)) == 4 }, "the second link is attached")
	testutil.Exec(t, s.inside, "ip", "link", "del", "eth1")
	testutil.Eventually(t, patience, func() bool { return len(attachments(t, rt)) == 2 }, "the first link is forgotten")
	qt.Assert(t, qt.IsNil(rt.Remove("lonely")))
}

func TestALinkWithARecycledIfindexIsAttachedAfresh(t *testing.T) {
	t.Parallel()
	s := site{host: testutil.Netns(t), inside: testutil.Netns(t)}
	rt := newRuntime(t, boathook.Options{Program: bothWays(verdictUnspec)})
	add(t, rt, s.hosted(t, "web"))
	for range 3 {
		testutil.Exec(t, s.host, "ip", "link", "add", "veth0", "index", "77", "type", "veth", "peer", "name", "eth0", "netns", testutil.Path(s.inside))
		testutil.Exec(t, s.host, "ip", "link", "set", "veth0", "up")
		testutil.Exec(t, s.inside, "ip", "link", "set", "eth0", "up")
		testutil.AddAddr(t, s.host, "veth0", "10.77.0.1/24")
		testutil.AddAddr(t, s.inside, "eth0", "10.77.0.2/24")
		testutil.Eventually(t, patience, func() bool {
			_, _ = testutil.ExecErr(s.inside, "ping", "-c", "1", "-W", "1", "10.77.0.1")
			list := attachments(t, rt)
			return len(list) == 2 && list[0].Counters.Packets > 0
		}, "the link's packets are counted")
		testutil.Exec(t, s.host, "ip", "link", "del", "veth0")
	}
}

func TestInterfaceTargetsHaveTheLinksOwnDirection(t *testing.T) {
	t.Parallel()
	rt := newRuntime(t, boathook.Options{Program: bothWays(verdictUnspec)})
	// No link of the machine is touched: nothing has this name.
	add(t, rt, boathook.Target{ID: "link", Interface: "bh-no-such*"})
	qt.Check(t, qt.HasLen(attachments(t, rt), 0))
	err := rt.Add(context.Background(), boathook.Target{ID: "bad", Interface: "["})
	qt.Check(t, qt.ErrorMatches(err, `bad: interface pattern "\[": .*`))
}

func TestBadTargetsLeaveNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	rt := newRuntime(t, boathook.Options{Program: bothWays(verdictUnspec)})
	gone := testutil.Process(t, s.inside)
	for name, c := range map[string]struct {
		target boathook.Target
		want   error
	}{
		"no id":             {boathook.Target{PID: gone}, nil},
		"nothing to attach": {boathook.Target{ID: "x"}, nil},
		"two places":        {boathook.Target{ID: "x", PID: gone, NetnsPath: "/x"}, nil},
		"negative pid":      {boathook.Target{ID: "x", PID: -5}, nil},
		"dead pid":          {boathook.Target{ID: "x", PID: 1 << 22}, os.ErrNotExist},
		"no such path":      {boathook.Target{ID: "x", NetnsPath: "/run/netns/bh-no-such"}, os.ErrNotExist},
		"not a netns":       {boathook.Target{ID: "x", NetnsPath: "/proc/self/ns/mnt"}, nil},
		"host network":      {boathook.Target{ID: "x", HostNetwork: true}, boathook.ErrHostNetwork},
		"our own netns":     {boathook.Target{ID: "x", PID: os.Getpid()}, boathook.ErrHostNetwork},
	} {
		err := rt.Add(context.Background(), c.target)
		qt.Check(t, qt.IsNotNil(err), qt.Commentf("%s", name))
		if c.want != nil {
			qt.Check(t, qt.ErrorIs(err, c.want), qt.Commentf("%s", name))
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	qt.Check(t, qt.ErrorIs(rt.Add(ctx, s.inner("web")), context.Canceled))
	targets, err := rt.Targets()
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.HasLen(targets, 0))
}

func TestPartOfABurstThatFailsLeavesTheRest(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	rt := newRuntime(t, boathook.Options{Program: bothWays(verdictUnspec)})
	err := rt.Add(context.Background(), s.hosted(t, "web"), boathook.Target{ID: "ghost", PID: 1 << 22})
	qt.Check(t, qt.ErrorMatches(err, "ghost: .*"))
	qt.Check(t, qt.HasLen(attachments(t, rt), 2))
}

func TestAContainerWithALinkThatCannotBeAttachedKeepsNone(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	testutil.Veth(t, s.host, "vethtwo", s.inside, "eth1")
	// A plain ingress qdisc is in the way of clsact on one of the two links.
	testutil.Exec(t, s.host, "tc", "qdisc", "add", "dev", "vethtwo", "ingress")
	rt := newRuntime(t, boathook.Options{Program: bothWays(verdictUnspec), Backend: boathook.Clsact})
	err := rt.Add(context.Background(), s.hosted(t, "web"))
	qt.Check(t, qt.ErrorMatches(err, "(?s)web: link vethtwo .*: an ingress qdisc is in the way.*"))
	qt.Check(t, qt.ErrorIs(err, boathook.ErrIngressQdisc))
	qt.Check(t, qt.HasLen(attachments(t, rt), 0))
	qt.Check(t, qt.Equals(testutil.Exec(t, s.host, "tc", "filter", "show", "dev", "vethweb", "ingress"), ""))

	testutil.Exec(t, s.host, "tc", "qdisc", "del", "dev", "vethtwo", "ingress")
	add(t, rt, s.hosted(t, "web"))
	qt.Check(t, qt.HasLen(attachments(t, rt), 4))
}

func TestMethodsAfterClose(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	rt := newRuntime(t, boathook.Options{Program: bothWays(verdictUnspec)})
	add(t, rt, s.inner("web"))
	qt.Assert(t, qt.IsNil(rt.Close()))
	qt.Assert(t, qt.IsNil(rt.Close()))
	qt.Check(t, qt.ErrorIs(rt.Add(context.Background(), s.inner("web")), boathook.ErrClosed))
	qt.Check(t, qt.ErrorIs(rt.Remove("web"), boathook.ErrClosed))
	qt.Check(t, qt.ErrorIs(rt.Replace(context.Background(), bothWays(0)), boathook.ErrClosed))
	_, err := rt.Attachments()
	qt.Check(t, qt.ErrorIs(err, boathook.ErrClosed))
	totals, err := rt.Totals()
	qt.Check(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(totals.Attachments, 2))
}

func TestNewRefusesWhatCannotRun(t *testing.T) {
	t.Parallel()
	_, err := boathook.New(boathook.Options{})
	qt.Check(t, qt.ErrorIs(err, boathook.ErrNoProgram))
	_, err = boathook.New(boathook.Options{Program: boathook.Program{Spec: returning(0), Ingress: "other"}})
	qt.Check(t, qt.ErrorIs(err, boathook.ErrNoProgram))
	_, err = boathook.New(boathook.Options{Program: boathook.Program{Spec: testutil.Object(t, "storebytes"), Ingress: first(t, "storebytes")}})
	qt.Check(t, qt.ErrorIs(err, boathook.ErrRefused))
	var refused *boathook.RefusedError
	qt.Assert(t, qt.IsTrue(errors.As(err, &refused)))
	qt.Check(t, qt.StringContains(refused.Reason, "bpf_skb_store_bytes"))
}

// first is the name of an object's only program.
func first(tb testing.TB, object string) string {
	tb.Helper()
	for name := range testutil.Object(tb, object).Programs {
		return name
	}
	tb.Fatalf("object %s has no program", object)
	return ""
}

func TestContainerTargetPrefersTheProcess(t *testing.T) {
	t.Parallel()
	c := container.Container{Runtime: "docker", ID: "abc", PID: 7, NetnsPath: "/x", RuntimePID: 3}
	qt.Check(t, qt.DeepEquals(boathook.ContainerTarget(c), boathook.Target{ID: "docker/abc", PID: 7, RuntimePID: 3}))
}
