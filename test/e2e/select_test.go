// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/testutil"
	"github.com/boathook/boathook/internal/testutil/dockertest"
)

func TestFlagsSelectContainers(t *testing.T) { //nolint:tparallel // the subtests share the links
	t.Parallel()
	w := newWorld(t)
	image := w.network + "/cart:2"
	w.docker.Docker(t, "tag", dockertest.Image, image)
	t.Cleanup(func() { w.docker.Docker(t, "rmi", image) })
	ours := "world=" + w.network
	boxes := []*box{
		w.run(t, "web", "--label", ours, "--label", "tier=front"),
		w.run(t, "web2", "--label", ours, "--label", "tier=back"),
		w.run(t, "db", "--label", ours),
		w.runImage(t, "cart", image, "--label", ours, "--label", "tier=back"),
	}
	links := map[string]*linkInfo{}
	for _, b := range boxes {
		links[b.name] = b.link(t, "eth0")
	}
	web, web2 := w.name("web"), w.name("web2")
	for _, test := range []struct {
		flags string
		want  string
	}{
		{"-c " + web, "web"},
		{"-c " + web + " -c " + web2, "web web2"},
		{"-c " + web + "," + w.name("db"), "web db"},
		{"-c " + web + "*", "web web2"},
		{"-c " + w.name("*") + " -c !" + web, "web2 db cart"},
		{"-c " + w.name("*") + ",!" + web + "*", "db cart"},
		{"-c !" + w.name("c*") + " -l " + ours, "web web2 db"},
		{"-c " + boxes[1].id, "web2"},
		{"-c " + boxes[1].id[:12], "web2"},
		{"--image " + w.network + "/cart", "cart"},
		{"--image " + w.network + "/*:2", "cart"},
		{"--image " + dockertest.Image + " -l " + ours, "web web2 db"},
		{"--image " + w.network + "/* --image " + dockertest.Image + " -c " + w.name("*t"), "cart"},
		{"-l " + ours + " -l tier", "web web2 cart"},
		{"-l " + ours + ",tier=back", "web2 cart"},
		{"-l " + ours + " -l !tier", "db"},
		{"-l " + ours + " -l tier!=back", "web db"},
		{"-l " + ours + ",tier -c " + web + "*", "web web2"},
		{"--runtime docker -c " + web, "web"},
		{"-c " + w.name("*") + " -i " + links[web2].Host, "web2"},
		{"-c " + web + " -i veth*", "web"},
		{"-c " + w.name("*") + " --pid " + boxes[2].inspect(t, "{{.State.Pid}}"), "db"},
		{"--all -l " + ours, "web web2 db cart"},
	} {
		t.Run(test.flags, func(t *testing.T) { //nolint:paralleltest // what is on the links belongs to one run
			c := w.start(t, append([]string{testutil.ObjectPath(t, "noevents"), "-o", "none"}, strings.Fields(test.flags)...)...)
			c.says(t, "boathook: ready: ")
			var got []string
			for _, b := range boxes {
				if b.hooked(t, links[b.name]) {
					got = append(got, strings.TrimPrefix(b.name, w.name("")))
				}
			}
			c.stop(t).ok(t)
			qt.Check(t, qt.Equals(strings.Join(got, " "), test.want))
		})
	}
}

func TestLabelExpressionsSelect(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	front, back := w.run(t, "front", "--label", "tier=front"), w.run(t, "back", "--label", "tier=back")
	c := w.start(t, testutil.ObjectPath(t, "noevents"), "-o", "none", "-c", w.name("*"), "-l", "tier in (front, middle)")
	c.ready(t, 2, 1)
	qt.Check(t, qt.IsTrue(front.hooked(t, front.link(t, "eth0"))))
	qt.Check(t, qt.IsFalse(back.hooked(t, back.link(t, "eth0"))))
	c.stop(t).ok(t)
}

func TestTheRuntimesSocketCanBeNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	web := w.run(t, "web")
	object := testutil.ObjectPath(t, "noevents")
	socket := strings.TrimPrefix(w.docker.Host, "unix://")
	for _, value := range []string{"docker=" + socket, "docker=unix://" + socket, "netns,docker=" + socket} {
		c := start(t, nil, object, "-o", "none", "-c", web.name, "--runtime", value)
		c.ready(t, 2, 1)
		c.stop(t).ok(t)
	}
	c := w.start(t, object, "-o", "none", "-c", web.name, "--runtime", "netns", "--no-follow")
	c.wait(t).fails(t, 3, "no container matches .*", ".*")
}

func TestAllSelectsEveryContainer(t *testing.T) { //nolint:paralleltest // attaches to the containers of all tests
	w := newWorld(t)
	web, db := w.run(t, "web"), w.run(t, "db")
	c := w.start(t, testutil.ObjectPath(t, "noevents"), "-o", "none", "--all", "--runtime", "docker")
	c.ready(t, 4, 2)
	qt.Check(t, qt.IsTrue(web.hooked(t, web.link(t, "eth0"))))
	qt.Check(t, qt.IsTrue(db.hooked(t, db.link(t, "eth0"))))
	late := w.run(t, "late")
	late.awaitHooked(t, late.link(t, "eth0"))
	c.stop(t).ok(t)
}

func TestPeopleGetColumnsAndASummary(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := s.world.start(t, testutil.ObjectPath(t, "dropall"), "-c", s.web.name)
	c.ready(t, 2, 1)
	s.traffic(t)
	testutil.Eventually(t, patience, func() bool { return c.lines() == 1+out+in }, "a header and a line each")
	end := c.stop(t)
	end.ok(t)
	lines := strings.Split(strings.TrimSpace(end.stdout), "\n")
	for _, line := range lines[1:] {
		qt.Check(t, qt.StringContains(line, s.web.name))
	}
	qt.Check(t, qt.Matches(end.stderr, `boathook: ready: 2 attachments, 1 containers\n`+
		`boathook: 2 attachments, 1 container, .* s\n`+
		`boathook: 3 packets, 3 segments, .*; verdicts: 3 SHOT\n`+
		`boathook: 3 events, 0 lost\n`))
}
