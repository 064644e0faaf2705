// SPDX-License-Identifier: Apache-2.0

package output_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/output"
	"github.com/boathook/boathook/internal/testutil/schematest"
)

func psRows() []output.PSRow {
	return []output.PSRow{
		{
			Runtime: "docker", Name: "web", Image: "nginx:1", Netns: 4026532281,
			ID: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
			Links: []output.PSLink{
				{
					Name: "eth0", Ifindex: 2, Host: "veth98", HostIfindex: 12, Kind: "veth",
					Ingress: []output.PSProgram{
						{ID: 123, Name: "count", Backend: "tcx", Ours: true},
						{ID: 7, Name: "policy", Backend: "clsact"},
					},
				},
				{Name: "eth1", Ifindex: 4, Host: "veth99", HostIfindex: 14, Kind: "veth"},
			},
		},
		{Runtime: "docker", Name: "proxy", ID: "ab", HostNetwork: true},
		{Runtime: "netns", Name: "blue", Netns: 4026532290, Why: "no links but lo"},
	}
}

func TestPSTable(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	qt.Assert(t, qt.IsNil(output.WritePS(&out, output.Options{Width: 20}, psRows())))
	qt.Check(t, qt.Equals(out.String(), strings.Join([]string{
		"CONTAINER  RUNTIME  ID            IMAGE    NETNS       LINK  HOST    INGRESS                           EGRESS  NOTE",
		"web        docker   0123456789ab  nginx:1  4026532281  eth0  veth98  tcx:count(123)* clsact:policy(7)",
		"web        docker   0123456789ab  nginx:1  4026532281  eth1  veth99",
		"proxy      docker   ab                                                                                         shares the host's links",
		"blue       netns                           4026532290                                                          no links but lo",
		"",
	}, "\n")))
}

func TestPSTableFitsIntoTheTerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	const width = 100
	qt.Assert(t, qt.IsNil(output.WritePS(&out, output.Options{Terminal: true, Width: width}, psRows())))
	for line := range strings.Lines(plainText(out.String())) {
		qt.Check(t, qt.IsTrue(utf8.RuneCountInString(line) <= width+1), qt.Commentf("%s", line))
	}
}

func TestPSTableKeepsTheProgramsOnANarrowTerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	qt.Assert(t, qt.IsNil(output.WritePS(&out, output.Options{Terminal: true, Width: 80}, psRows()[:1])))
	qt.Check(t, qt.Equals(plainText(out.String()), strings.Join([]string{
		"CONTAINER  RUNTIME  NETNS       LINK  HOST    INGRESS",
		"web        docker   4026532281  eth0  veth98  tcx:count(123)* clsact:policy(7)",
		"web        docker   4026532281  eth1  veth99",
		"",
	}, "\n")))
}

func TestPSTableOnATerminalLeavesOutWhatNobodyHas(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	qt.Assert(t, qt.IsNil(output.WritePS(&out, output.Options{Terminal: true}, psRows()[2:])))
	qt.Check(t, qt.Equals(plainText(out.String()),
		"CONTAINER  RUNTIME  NETNS       NOTE\nblue       netns    4026532290  no links but lo\n"))
}

func TestPSJSONFollowsItsSchema(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	qt.Assert(t, qt.IsNil(output.WritePSJSON(&out, append(psRows(), output.PSRow{}))))
	schematest.Check(t, "ps", out.Bytes())
	lines := strings.Split(out.String(), "\n")
	qt.Check(t, qt.HasLen(lines, 5))
	qt.Check(t, qt.Equals(lines[1], `{"runtime":"docker","name":"proxy","id":"ab","host_network":true,"links":[]}`))
	qt.Check(t, qt.Equals(lines[3], `{"links":[]}`))
}

func TestPSEscapesWhatComesFromContainers(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	rows := []output.PSRow{{Name: "a\x1b[2J", Image: "i\nj"}}
	qt.Assert(t, qt.IsNil(output.WritePS(&out, output.Options{}, rows)))
	qt.Check(t, qt.IsFalse(strings.Contains(out.String(), "\x1b")))
	qt.Check(t, qt.Equals(strings.Count(out.String(), "\n"), 2))
}
