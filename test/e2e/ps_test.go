// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/testutil"
	"github.com/boathook/boathook/internal/testutil/schematest"
)

// output runs a verb that ends by itself, with the world's docker, and returns
// what it prints.
func (w *world) output(tb testing.TB, args ...string) string {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), built.boathook, args...)
	cmd.Env = append(os.Environ(), "DOCKER_CONTEXT=", "DOCKER_HOST="+w.docker.Host)
	text, err := cmd.Output()
	qt.Assert(tb, qt.IsNil(err))
	return string(text)
}

// psRow is docs/schema/ps.json.
type psRow struct {
	Runtime, Name, ID, Image string
	Netns                    uint32
	HostNetwork              bool `json:"host_network"`
	Links                    []struct {
		linkInfo
		Kind            string
		Ingress, Egress []struct{ Name, Backend, Owner string }
	}
}

func (w *world) ps(tb testing.TB, pattern string) []psRow {
	tb.Helper()
	text := w.output(tb, "ps", "-c", pattern, "-o", "json")
	schematest.Check(tb, "ps", []byte(text))
	var rows []psRow
	for line := range strings.Lines(text) {
		var row psRow
		qt.Assert(tb, qt.IsNil(json.Unmarshal([]byte(line), &row)))
		rows = append(rows, row)
	}
	return rows
}

func TestPsShowsContainersTheirLinksAndWhatIsOnTheirHooks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	web := w.run(t, "web")
	shared := w.runIn(t, "shared", "--network", "host")
	run := w.start(t, testutil.ObjectPath(t, "dropall"), "-c", web.name, "-o", "none", "--backend", "clsact")
	run.ready(t, 2, 1)

	rows := w.ps(t, w.name("*"))
	qt.Assert(t, qt.HasLen(rows, 2))
	host, container := rows[0], rows[1]
	qt.Check(t, qt.Equals(host.Name, shared.name))
	qt.Check(t, qt.IsTrue(host.HostNetwork))
	qt.Check(t, qt.HasLen(host.Links, 0))

	qt.Check(t, qt.Equals(container.Runtime+" "+container.Name, "docker "+web.name))
	qt.Check(t, qt.Equals(container.Netns, web.netns(t).Inode()))
	qt.Assert(t, qt.HasLen(container.Links, 1))
	link := container.Links[0]
	qt.Check(t, qt.DeepEquals(&link.linkInfo, web.link(t, "eth0")))
	qt.Check(t, qt.Equals(link.Kind, "veth"))
	qt.Assert(t, qt.HasLen(link.Ingress, 1))
	qt.Assert(t, qt.HasLen(link.Egress, 1))
	qt.Check(t, qt.Equals(link.Ingress[0].Name+" "+link.Ingress[0].Backend, "boathook clsact"))
	qt.Check(t, qt.Not(qt.Equals(link.Egress[0].Owner, "")))

	run.stop(t).ok(t)
	link = w.ps(t, web.name)[0].Links[0]
	qt.Check(t, qt.HasLen(link.Ingress, 0))
	qt.Check(t, qt.HasLen(link.Egress, 0))
}

func TestDoctorFindsTheRuntime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	text := w.output(t, "doctor", "-o", "json")
	schematest.Check(t, "doctor", []byte(text))
	qt.Check(t, qt.Matches(text, `(?s).*"name":"docker","status":"ok","value":"API [0-9.]+".*`))
}
