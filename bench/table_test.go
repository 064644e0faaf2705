// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
)

// lineFormat: name, ours, baseline, ratio, aim and whether it was met.
const lineFormat = "%-72s %10s %10s %12s  %-17s %s\n"

// none stands for the side that a figure does not have.
var none = math.NaN()

// figure is one line of the table.
type figure struct {
	name string
	// ours and baseline are numbers of unit.
	ours, baseline float64
	unit           unit
	aim            aim
}

// unit is what a number counts.
type unit struct {
	name string
	show func(float64) string
	// more: the greater number is the better one.
	more bool
}

var (
	// duration is in nanoseconds.
	duration = unit{name: "ns", show: showDuration}
	// perPacket is nanoseconds per packet or per event.
	perPacket = unit{name: "ns", show: func(v float64) string { return fmt.Sprintf("%.1f ns", v) }}
	size      = unit{name: "bytes", show: showSize}
	number    = unit{name: "count", show: func(v float64) string { return fmt.Sprintf("%.4g", v) }}
	rate      = unit{name: "per-s", show: func(v float64) string { return fmt.Sprintf("%.2f M/s", v/1e6) }, more: true}
)

// aim is what a figure should be; the zero value wants nothing.
type aim struct {
	text string
	met  func(figure) bool
	// share shows the ratio as a part of the baseline.
	share bool
}

// times wants ours to be n times better than the baseline.
func times(n float64) aim {
	return aim{text: fmt.Sprintf("%g times", n), met: func(f figure) bool { return f.better() >= n }}
}

// ofBaseline wants ours to be at most this part of the baseline.
func ofBaseline(part float64) aim {
	return aim{text: fmt.Sprintf("at most %g of it", part), share: true, met: func(f figure) bool { return f.ours <= part*f.baseline }}
}

// atMost wants ours to be no more than limit.
func atMost(limit float64, u unit) aim {
	return aim{text: "at most " + u.show(limit), met: func(f figure) bool { return f.ours <= limit }}
}

// better is how many times ours is better.
func (f figure) better() float64 {
	if f.unit.more {
		return f.ours / f.baseline
	}
	return f.baseline / f.ours
}

func (f figure) line() string {
	ours, baseline, ratio, verdict := "-", "-", "-", ""
	if !math.IsNaN(f.ours) {
		ours = f.unit.show(f.ours)
	}
	if !math.IsNaN(f.baseline) {
		baseline = f.unit.show(f.baseline)
	}
	if !math.IsNaN(f.ours + f.baseline) {
		ratio = fmt.Sprintf("%.3g times", f.better())
		if f.better() >= 1000 { // no exponent
			ratio = fmt.Sprintf("%.0f times", f.better())
		}
		if f.aim.share {
			ratio = fmt.Sprintf("%.2f of it", f.ours/f.baseline)
		}
		if f.ours == f.baseline {
			ratio = "the same"
		}
	}
	if f.aim.met != nil {
		verdict = "MISSED"
		if f.aim.met(f) {
			verdict = "ok"
		}
	}
	return strings.TrimRight(fmt.Sprintf(lineFormat, f.name, ours, baseline, ratio, f.aim.text, verdict), " \n") + "\n"
}

// report enters a figure into the table, and into the benchmark's own result for
// tools that compare runs.
func report(b *testing.B, f figure) {
	b.Helper()
	label := strings.NewReplacer(" ", "-", ",", "", ":", "").Replace(f.name)
	b.ReportMetric(0, "ns/op") // leaves it out: a run is not an operation
	for which, value := range map[string]float64{"ours-": f.ours, "baseline-": f.baseline} {
		if !math.IsNaN(value) {
			b.ReportMetric(value, which+label+"-"+f.unit.name)
		}
	}
	file, err := os.OpenFile(os.Getenv(tableVariable), os.O_APPEND|os.O_WRONLY, 0)
	qt.Assert(b, qt.IsNil(err))
	_, err = file.WriteString(f.line())
	qt.Check(b, qt.IsNil(err))
	qt.Check(b, qt.IsNil(file.Close()))
}

func printTable(to io.Writer, path string) error {
	lines, err := os.ReadFile(path)
	if err != nil || len(lines) == 0 {
		return err
	}
	_, err = fmt.Fprintf(to, "\n"+lineFormat+"%s", "figure", "ours", "baseline", "ratio", "aim", "", lines)
	return err
}

func showDuration(ns float64) string {
	d := time.Duration(ns)
	switch {
	case d >= 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d >= time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d >= 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", ns/1e6)
	case d >= 100*time.Microsecond:
		return fmt.Sprintf("%.2f ms", ns/1e6)
	default:
		return fmt.Sprintf("%.1f us", ns/1e3)
	}
}

func showSize(bytes float64) string {
	if math.Abs(bytes) >= 10<<20 {
		return fmt.Sprintf("%.1f MB", bytes/(1<<20))
	}
	return fmt.Sprintf("%.2f KB", bytes/(1<<10))
}
