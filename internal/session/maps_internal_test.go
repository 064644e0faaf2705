// SPDX-License-Identifier: Apache-2.0

package session

import (
	"bytes"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/fault"
	"github.com/boathook/boathook/internal/testutil"
	"github.com/boathook/boathook/internal/testutil/schematest"
)

func TestMapsArePrintedDecodedAndInTheOrderAskedFor(t *testing.T) {
	t.Parallel()
	o := mustOpen(t, "mapkinds")
	for _, entry := range []string{"hash:5=9", "percpu_hash:6=2", "lpm:10.0.0.0/8=7"} {
		qt.Assert(t, qt.IsNil(o.MapSet(entry)))
	}
	var out bytes.Buffer
	printer, err := newMapPrinter(Config{Object: o, Maps: []string{"lpm,hash", "percpu_hash"}, Env: Env{Stdout: &out}})
	qt.Assert(t, qt.IsNil(err))
	maps := map[string]*ebpf.Map{}
	for _, name := range []string{"lpm", "hash", "percpu_hash"} {
		coll, err := ebpf.NewCollection(&ebpf.CollectionSpec{Maps: map[string]*ebpf.MapSpec{name: o.Spec.Maps[name]}})
		testutil.SkipIfNotSupported(t, err)
		qt.Assert(t, qt.IsNil(err))
		t.Cleanup(coll.Close)
		maps[name] = coll.Maps[name]
	}
	qt.Check(t, qt.HasLen(printer.unused(maps), 0))
	qt.Assert(t, qt.IsNil(printer.print(maps)))
	schematest.Check(t, "map", out.Bytes())
	sum := strconv.Itoa(2 * ebpf.MustPossibleCPU())
	qt.Check(t, qt.Matches(out.String(), `\{"map":"lpm","key":\{"bits":8,"addr":"10.0.0.0"\},"value":7\}
\{"map":"hash","key":5,"value":9\}
\{"map":"percpu_hash","key":6,"value":`+sum+`\}
`))
}

func TestMapsThatTheProgramDoesNotUseAreNamed(t *testing.T) {
	t.Parallel()
	o := mustOpen(t, "mapkinds")
	printer, err := newMapPrinter(Config{Object: o, Maps: []string{"hash", "lpm"}})
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.DeepEquals(printer.unused(map[string]*ebpf.Map{"hash": {}}), []string{"lpm"}))
	qt.Check(t, qt.IsNil(printer.print(nil)))

	printer, err = newMapPrinter(Config{Object: o, Maps: []string{"all"}})
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.HasLen(printer.unused(nil), 0), qt.Commentf("nobody asked for one of them"))
	qt.Check(t, qt.IsTrue(slices.Contains(printer.names, "hash") && !slices.Contains(printer.names, "queue")))
}

func TestMapFlagsThatMeanNothing(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		object     string
		cfg        Config
		text, hint string
	}{
		{"tailcalls", Config{Maps: []string{"steps"}}, "--map steps: no map to print", "maps: counts; or all"},
		{"tailcalls", Config{Maps: []string{"counts,none"}}, "--map none: no map to print", "maps: counts; or all"},
		{"tailcalls", Config{Interval: time.Second}, "--interval 1s: no map to print is named", "--map all, or .*"},
		{"tailcalls", Config{Interval: -time.Second, Maps: []string{"all"}}, "--interval -1s: time does not run back", "--interval 5s"},
		{"nobtf", Config{Maps: []string{"events"}}, "--map events: no map to print", "maps: none; or all"},
	} {
		test.cfg.Object = mustOpen(t, test.object)
		_, err := newMapPrinter(test.cfg)
		checkFault(t, err, fault.CodeUsage, test.text, test.hint)
	}
}
