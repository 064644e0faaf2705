// SPDX-License-Identifier: Apache-2.0

package container_test

import (
	"path"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/container"
)

const webID = "4f1c0ffee0123456789abcdef0123456789abcdef0123456789abcdef0123456"

func web() container.Container {
	return container.Container{
		Runtime: "docker", ID: webID, Name: "web", Image: "nginx:1",
		Labels: map[string]string{"app": "shop", "tier": "front", "empty": ""},
	}
}

func TestSelectorMatchesNames(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		names []string
		want  bool
	}{
		{nil, true},
		{[]string{"web"}, true},
		{[]string{"we"}, false},
		{[]string{"Web"}, false},
		{[]string{"db", "web"}, true},
		{[]string{"db,web"}, true},
		{[]string{" db , web "}, true},
		{[]string{"w*"}, true},
		{[]string{"w?b"}, true},
		{[]string{"[v-x]eb"}, true},
		{[]string{"*x*"}, false},
		{[]string{webID}, true},
		{[]string{webID[:12]}, true},
		{[]string{"4f1c"}, true},
		{[]string{"4f1"}, false},
		{[]string{"f1c0"}, false},
		{[]string{"4f1*"}, false},
		{[]string{"!web"}, false},
		{[]string{"!4f1c"}, false},
		{[]string{"!db"}, true},
		{[]string{"!w*", "web"}, false},
		{[]string{"*", "!web"}, false},
		{[]string{"*", "!db"}, true},
		{[]string{"db", "!cache"}, false},
	} {
		s := mustParse(t, tt.names, nil, nil)
		qt.Check(t, qt.Equals(s.Match(web()), tt.want), qt.Commentf("%q", tt.names))
	}
}

func TestSelectorMatchesImages(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pattern, image string
		want           bool
	}{
		{"nginx", "nginx:1", true},
		{"nginx:1", "nginx:1", true},
		{"nginx:2", "nginx:1", false},
		{"nginx:*", "nginx:1", true},
		{"ngin", "nginx:1", false},
		{"*nginx*", "registry:5000/team/nginx:1", true},
		{"registry:5000/*", "registry:5000/team/nginx:1", true},
		{"registry:5000/team/nginx", "registry:5000/team/nginx", true},
		{"nginx", "docker.io/library/nginx:1", true},
		{"team/app", "docker.io/team/app@sha256:00ff", true},
		{"nginx", "registry/nginx", false},
		{"!nginx", "nginx:1", false},
		{"!nginx", "redis", true},
		{"sha256:*", "sha256:00ff", true},
		{"nginx", "", false},
	} {
		s := mustParse(t, nil, []string{tt.pattern}, nil)
		c := container.Container{Image: tt.image}
		qt.Check(t, qt.Equals(s.Match(c), tt.want), qt.Commentf("%q and %q", tt.pattern, tt.image))
	}
}

func TestSelectorNeedsEveryFieldToMatch(t *testing.T) {
	t.Parallel()
	s := mustParse(t, []string{"web"}, []string{"nginx"}, []string{"app=shop"})
	s.Runtimes = []string{"docker", "podman"}
	qt.Assert(t, qt.IsTrue(s.Match(web())))
	for _, change := range []func(*container.Container){
		func(c *container.Container) { c.Name = "db" },
		func(c *container.Container) { c.Image = "redis" },
		func(c *container.Container) { c.Labels = nil },
		func(c *container.Container) { c.Runtime = "netns" },
	} {
		c := web()
		change(&c)
		qt.Check(t, qt.IsFalse(s.Match(c)), qt.Commentf("%+v", c))
	}
}

func TestSelectorRefusesBadPatterns(t *testing.T) {
	t.Parallel()
	_, err := container.ParseSelector([]string{"web,[a-"}, nil, nil)
	qt.Check(t, qt.ErrorIs(err, path.ErrBadPattern))
	qt.Check(t, qt.ErrorMatches(err, `parse container pattern "\[a-": .*`))
	for _, empty := range []string{"", "!", "a,,b"} {
		_, err = container.ParseSelector(nil, []string{empty}, nil)
		qt.Check(t, qt.ErrorMatches(err, `parse image pattern .*: empty pattern`), qt.Commentf("%q", empty))
	}
}

func mustParse(tb testing.TB, names, images, labels []string) container.Selector {
	tb.Helper()
	s, err := container.ParseSelector(names, images, labels)
	qt.Assert(tb, qt.IsNil(err))
	return s
}
