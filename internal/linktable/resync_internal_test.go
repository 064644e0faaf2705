// SPDX-License-Identifier: Apache-2.0

package linktable

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/testutil"
)

const testWait = 20 * time.Second

func TestResyncAfterLostMessages(t *testing.T) {
	t.Parallel()
	ns := testutil.Netns(t)
	testutil.Exec(t, ns, "ip", "link", "add", "name", "old", "type", "bridge")
	old := testutil.Index(t, ns, "old")

	var mu sync.Mutex
	told := make(map[ChangeKind]map[int]int) // kind, interface index, times
	gate := make(chan struct{})
	release := sync.OnceFunc(func() { close(gate) })
	table, err := open(ns, func(c Change) {
		<-gate
		mu.Lock()
		defer mu.Unlock()
		if told[c.Kind] == nil {
			told[c.Kind] = make(map[int]int)
		}
		told[c.Kind][c.Link.Index]++
	}, 1) // the kernel raises it to its minimum, room for one or two
	qt.Assert(t, qt.IsNil(err))
	defer func() { qt.Check(t, qt.IsNil(table.Close())) }()
	defer release()

	var batch strings.Builder
	for i := range 100 {
		fmt.Fprintf(&batch, "link add name a%d type veth peer name b%d\n", i, i)
	}
	batch.WriteString("link del dev old\n")
	_, err = testutil.ExecInput(ns, batch.String(), "ip", "-batch", "-")
	qt.Assert(t, qt.IsNil(err))
	want, err := Dump(ns)
	qt.Assert(t, qt.IsNil(err))
	release()

	testutil.Eventually(t, testWait, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return told[Resync][0] == 1
	}, "the resync is told")
	mu.Lock()
	defer mu.Unlock()
	qt.Assert(t, qt.DeepEquals(table.Links(), want))
	qt.Assert(t, qt.Equals(table.client.dumps.Load(), 2))
	qt.Assert(t, qt.Equals(told[LinkGone][old], 1))
	qt.Assert(t, qt.HasLen(told[LinkNew], 200))
	for index, times := range told[LinkNew] {
		qt.Check(t, qt.Equals(times, 1), qt.Commentf("link %d", index))
	}
}
