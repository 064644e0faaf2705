// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/testutil"
)

func TestAContainerWithTwoNetworksShowsBothLinks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	second := w.name("second")
	gateway := w.addNetwork(t, second)
	web := w.run(t, "web")
	eth0 := web.link(t, "eth0")
	inside, outside := web.station(t), w.station(t)
	c := w.start(t, testutil.ObjectPath(t, "dropall"), "-c", web.name, "-o", "json")
	c.ready(t, 2, 1)
	exchange(t, c, route{eth0, inside, outside}, web.name)

	w.docker.Docker(t, "network", "connect", second, web.id)
	eth1 := web.link(t, "eth1")
	web.awaitHooked(t, eth1)
	inside2, outside2 := web.stationAt(t, web.address(t, second)), w.stationAt(t, gateway)
	exchange(t, c, route{eth1, inside2, outside2}, web.name)
	exchange(t, c, route{eth0, inside, outside}, web.name)

	w.docker.Docker(t, "network", "disconnect", second, web.id)
	exchange(t, c, route{eth0, inside, outside}, web.name)
	end := c.stop(t)
	end.ok(t)
	qt.Check(t, qt.Equals(end.summary(t).Attachments, 4))
}

func TestContainersInOneNetnsAreAttachedOnceUntilTheLastGoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	outside := w.station(t)
	web := w.run(t, "web")
	side := w.runIn(t, "web-side", "--network", "container:"+web.id)
	eth0 := web.link(t, "eth0")
	inside := web.station(t)
	c := w.start(t, testutil.ObjectPath(t, "dropall"), "-c", w.name("web*"), "-o", "json")
	c.ready(t, 2, 2)
	exchange(t, c, route{eth0, inside, outside}, web.name, side.name)

	// docker takes the link away with the container that it was made for, so
	// that one leaves the selection, not the machine. Its packets are still seen.
	idle := w.name("idle")
	w.docker.Docker(t, "rename", web.id, idle)
	c.comesFrom(t, inside, outside, idle, side.name)
	exchange(t, c, route{eth0, inside, outside}, idle, side.name)

	third := w.runIn(t, "web-third", "--network", "container:"+web.id)
	c.comesFrom(t, inside, outside, idle, side.name, third.name)
	w.docker.Docker(t, "rm", "--force", side.id)
	c.comesFrom(t, inside, outside, idle, third.name)
	w.docker.Docker(t, "rm", "--force", third.id)
	web.awaitFree(t, eth0)
	end := c.stop(t)
	end.ok(t)
	qt.Check(t, qt.Equals(end.summary(t).Attachments, 2))
	qt.Check(t, qt.Equals(end.summary(t).Containers, 3))
}

func TestAContainerWithoutNetworkIsAttachedWhenItGetsOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	web := w.runIn(t, "web", "--network", "none")
	c := w.start(t, testutil.ObjectPath(t, "dropall"), "-c", web.name, "-o", "json")
	c.says(t, "boathook: "+web.name+" matched, but has no links yet, waiting")
	w.docker.Docker(t, "network", "disconnect", "none", web.id)
	w.docker.Docker(t, "network", "connect", w.network, web.id)
	c.ready(t, 2, 1)
	exchange(t, c, route{web.link(t, "eth0"), web.station(t), w.station(t)}, web.name)
	c.stop(t).ok(t)
}

func TestAContainerOnTheHostsNetworkIsSaidToShareIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	web := w.runIn(t, "web", "--network", "host")
	c := w.start(t, testutil.ObjectPath(t, "dropall"), "-c", web.name, "-o", "json")
	c.says(t, "boathook: "+web.name+" shares the host's network: its packets cannot be told from the host's\n"+
		"hint: --interface LINK shows all traffic of a host link\n")
	end := c.stop(t)
	end.ok(t)
	qt.Check(t, qt.Equals(end.summary(t).Attachments, 0))
	qt.Check(t, qt.IsFalse(strings.Contains(end.stderr, "no links yet")), qt.Commentf("%s", end.stderr))

	c = w.start(t, testutil.ObjectPath(t, "dropall"), "-c", web.name, "--no-follow")
	c.wait(t).fails(t, 1, web.name+" matched, but nothing of it could be attached", "--interface LINK shows .*")
}
