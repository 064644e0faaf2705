// SPDX-License-Identifier: Apache-2.0

package output_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/output"
	"github.com/boathook/boathook/internal/testutil/schematest"
)

func TestSummary(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		summary output.Summary
		json    string
		lines   []string
	}{
		{
			name: "nothing", summary: output.Summary{},
			json: `{"summary":{"attachments":0,"containers":0,"packets":0,"bytes":0,"segments":0,` +
				`"verdicts":{},"events":0,"lost":0,"seconds":0}}`,
			lines: []string{
				"0 attachments, 0 containers, 0.0 s", "0 packets, 0 segments, 0 bytes", "0 events, 0 lost",
			},
		},
		{
			name: "all",
			summary: output.Summary{
				Attachments: 2, Containers: 1, Packets: 1, Bytes: 1500, Segments: 3,
				Verdicts: map[string]uint64{"OK": 1, "SHOT": 20, "PIPE": 1, "STOLEN": 0},
				Events:   5, Lost: 6, Malformed: 7, Duration: 1234567 * time.Microsecond,
			},
			json: `{"summary":{"attachments":2,"containers":1,"packets":1,"bytes":1500,"segments":3,` +
				`"verdicts":{"OK":1,"PIPE":1,"SHOT":20,"STOLEN":0},"events":5,"lost":6,"malformed":7,` +
				`"seconds":1.235}}`,
			lines: []string{
				"2 attachments, 1 container, 1.2 s",
				"1 packet, 3 segments, 1.5 kB; verdicts: 20 SHOT, 1 OK, 1 PIPE",
				"5 events, 6 lost, 7 too short for their type",
			},
		},
		{
			name: "large",
			summary: output.Summary{
				Packets: 1 << 53, Bytes: 1<<53 + 1, Segments: 1<<64 - 1, Duration: 2*time.Hour + 1400*time.Millisecond,
			},
			json: `{"summary":{"attachments":0,"containers":0,"packets":9007199254740992,` +
				`"bytes":"9007199254740993","segments":"18446744073709551615","verdicts":{},` +
				`"events":0,"lost":0,"seconds":7201.4}}`,
			lines: []string{
				"0 attachments, 0 containers, 2h0m1s",
				"9007199254740992 packets, 18446744073709551615 segments, 9.0 PB", "0 events, 0 lost",
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := json.Marshal(test.summary)
			qt.Assert(t, qt.IsNil(err))
			qt.Check(t, qt.Equals(string(got), test.json))
			schematest.Check(t, "summary", got)
			qt.Check(t, qt.DeepEquals(test.summary.Lines(), test.lines))
		})
	}
}

func TestSummaryAndRecordAreToldApart(t *testing.T) {
	t.Parallel()
	got, err := json.Marshal(output.Summary{})
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.IsTrue(schematest.Refuses(t, "record", string(got))))
	qt.Check(t, qt.IsTrue(schematest.Refuses(t, "summary", `{"lost":3}`)))
}

func TestSizesRoundUpToTheNextUnit(t *testing.T) {
	t.Parallel()
	for bytes, want := range map[uint64]string{
		1: "1 byte", 999: "999 bytes", 1000: "1.0 kB", 999_949: "999.9 kB", 999_950: "1.0 MB", 1<<64 - 1: "18.4 EB",
	} {
		qt.Check(t, qt.Equals(output.Summary{Bytes: bytes}.Lines()[1], "0 packets, 0 segments, "+want))
	}
}
