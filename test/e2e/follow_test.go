// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"slices"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/testutil"
	"github.com/boathook/boathook/internal/testutil/dockertest"
)

// few is a number of packets that tells one container from another.
const few = 5

// route is a link of a container with somebody at each end of it.
type route struct {
	link            *linkInfo
	inside, outside *station
}

// exchange sends a few packets both ways over a route and waits for their
// records. All of these must carry the containers with the given names.
func exchange(t *testing.T, c *command, via route, names ...string) {
	t.Helper()
	before := c.records(t)
	via.inside.send(t, via.outside, outbound, few)
	via.outside.send(t, via.inside, inbound, few)
	var fresh []record
	if !testutil.Poll(patience, func() bool {
		fresh = c.records(t)[len(before):]
		return len(packetsOf(fresh, "egress", via.link)) == few && len(packetsOf(fresh, "ingress", via.link)) == few
	}) {
		t.Fatalf("not recorded on %+v: %+v", via.link, fresh)
	}
	for _, direction := range []string{"egress", "ingress"} {
		for _, r := range packetsOf(fresh, direction, via.link) {
			qt.Assert(t, qt.DeepEquals(r.names(), names))
		}
	}
}

// names are those of the containers of a record, sorted.
func (r record) names() []string {
	var names []string
	if r.Container != nil {
		names = append(names, r.Container.Name)
	}
	for _, c := range r.Containers {
		names = append(names, c.Name)
	}
	slices.Sort(names)
	return names
}

// comesFrom sends packets until their records carry exactly these names.
func (c *command) comesFrom(t *testing.T, inside, outside *station, names ...string) {
	t.Helper()
	var got []string
	if !testutil.Poll(patience, func() bool {
		before := c.lines()
		inside.send(t, outside, outbound, 1)
		records := c.recorded(t, before+1)
		got = records[len(records)-1].names()
		return slices.Equal(got, names)
	}) {
		t.Fatalf("records carry %q, not %q", got, names)
	}
}

func TestAnotherContainerLosesNothingWhileOneIsDropped(t *testing.T) {
	t.Parallel()
	for _, backend := range backends() {
		t.Run(backend, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			web := w.run(t, "web")
			web.meet(t, w.network)
			inside, outside := web.station(t), w.station(t)
			outside.ask(t, "echo")
			c := w.start(t, testutil.ObjectPath(t, "dropall"), "-c", web.name, "-o", "json", "--verdict", "drop", "--backend", backend)
			c.ready(t, 2, 1)
			inside.send(t, outside, outbound, packets)
			// Ends with an error if a packet or its echo is missing.
			w.docker.Docker(t, "run", "--rm", "--network", w.network, "--volume", built.peer+":/peer:ro",
				"--name", w.name("other"), dockertest.Image, "/peer", "burst", outside.address, "50")
			qt.Check(t, qt.DeepEquals(slices.Sorted(slices.Values(outside.received(t))), numbers(1, 50)))
			c.stop(t).ok(t)
			for _, r := range c.records(t) {
				qt.Assert(t, qt.DeepEquals(r.names(), []string{web.name}))
			}
			sent := packetsOf(c.records(t), "egress", web.link(t, "eth0"))
			qt.Check(t, qt.HasLen(sent, packets))
		})
	}
}

func TestContainersThatStartAndEndAreFollowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	outside := w.station(t)
	c := w.start(t, testutil.ObjectPath(t, "dropall"), "-c", w.name("web*"), "-o", "json")
	c.says(t, "no container matches")
	web := w.run(t, "web")
	c.ready(t, 2, 1)
	exchange(t, c, route{web.link(t, "eth0"), web.station(t), outside}, web.name)

	other := w.run(t, "other")
	second := w.run(t, "web2")
	link := second.link(t, "eth0")
	second.awaitHooked(t, link)
	exchange(t, c, route{link, second.station(t), outside}, second.name)
	qt.Check(t, qt.IsFalse(other.hooked(t, other.link(t, "eth0"))))

	w.docker.Docker(t, "rm", "--force", web.id)
	exchange(t, c, route{link, second.station(t), outside}, second.name)

	end := c.stop(t)
	end.ok(t)
	sum := end.summary(t)
	qt.Check(t, qt.Equals(sum.Containers, 2))
	qt.Check(t, qt.Equals(sum.Attachments, 4))
	second.awaitFree(t, link)
}

func TestARestartedContainerIsAttachedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	outside := w.station(t)
	web := w.run(t, "web")
	c := w.start(t, testutil.ObjectPath(t, "dropall"), "-c", web.name, "-o", "json")
	c.ready(t, 2, 1)
	exchange(t, c, route{web.link(t, "eth0"), web.station(t), outside}, web.name)
	before := web.netns(t)

	w.docker.Docker(t, "restart", web.id)
	qt.Assert(t, qt.IsFalse(before.Same(web.netns(t))))
	link := web.link(t, "eth0")
	web.awaitHooked(t, link)
	exchange(t, c, route{link, web.station(t), outside}, web.name)
	end := c.stop(t)
	end.ok(t)
	qt.Check(t, qt.Equals(end.summary(t).Attachments, 4))
}

func TestRenamingMovesAContainerIntoAndOutOfTheSelection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	outside := w.station(t)
	web := w.run(t, "idle")
	link := web.link(t, "eth0")
	inside := web.station(t)
	c := w.start(t, testutil.ObjectPath(t, "dropall"), "-c", w.name("web*"), "-o", "json")
	c.says(t, "waiting")

	w.docker.Docker(t, "rename", web.id, w.name("web"))
	c.ready(t, 2, 1)
	exchange(t, c, route{link, inside, outside}, w.name("web"))
	w.docker.Docker(t, "rename", web.id, w.name("web2"))
	c.comesFrom(t, inside, outside, w.name("web2"))
	w.docker.Docker(t, "rename", web.id, w.name("idle"))
	web.awaitFree(t, link)
	w.docker.Docker(t, "rename", web.id, w.name("web"))
	web.awaitHooked(t, link)
	c.stop(t).ok(t)
}

func TestContainersThatDieAtOnceDoNoHarm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	web := w.run(t, "web")
	c := w.start(t, testutil.ObjectPath(t, "dropall"), "-c", w.name("*"), "-o", "json")
	c.ready(t, 2, 1)
	for range few {
		w.docker.Docker(t, "run", "--rm", "--network", w.network, "--name", w.name("brief"), dockertest.Image, "true")
	}
	exchange(t, c, route{web.link(t, "eth0"), web.station(t), w.station(t)}, web.name)
	end := c.stop(t)
	end.ok(t)
	// Some were seen in time to say that they were not.
	qt.Check(t, qt.Matches(end.stderr, `boathook: ready: .*\n(boathook: \S+-brief ended before it could be attached\n)*\{"summary".*\n`))
}
