// SPDX-License-Identifier: Apache-2.0

package docker_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/container/docker"
)

// fake is a daemon that does what a real one does only on a bad day.
type fake struct {
	host   string
	server *httptest.Server
	// events are sent to every subscriber as they are; a closed one hangs up.
	events chan string
	// ended is closed to release requests that hang.
	ended chan struct{}

	// mu guards the fields below.
	mu         sync.Mutex
	containers map[string]string            // answers to inspect by id
	broken     map[string]func(w io.Writer) // by the last part of the path
	calls      map[string]int
}

func newFake(tb testing.TB) *fake {
	tb.Helper()
	// The test's own folder has too long a path for a unix socket.
	dir, err := os.MkdirTemp("", "bhf") //nolint:usetesting // see above
	qt.Assert(tb, qt.IsNil(err))
	listener, err := new(net.ListenConfig).Listen(tb.Context(), "unix", filepath.Join(dir, "s"))
	qt.Assert(tb, qt.IsNil(err))
	f := newFakeOn(tb, listener)
	f.host = "unix://" + filepath.Join(dir, "s")
	tb.Cleanup(func() { _ = os.RemoveAll(dir) }) // in the temporary folder anyway
	return f
}

func newFakeOn(tb testing.TB, listener net.Listener) *fake {
	tb.Helper()
	f := &fake{
		host:   "tcp://" + listener.Addr().String(),
		events: make(chan string), ended: make(chan struct{}),
		containers: map[string]string{}, broken: map[string]func(io.Writer){}, calls: map[string]int{},
	}
	f.server = httptest.NewUnstartedServer(f)
	_ = f.server.Listener.Close() // replaced; nothing has connected
	f.server.Listener = listener
	f.server.Start()
	tb.Cleanup(func() {
		close(f.ended)
		f.server.CloseClientConnections()
		f.server.Close()
	})
	return f
}

// source returns a source with short times.
func (f *fake) source(tb testing.TB) *docker.Source {
	tb.Helper()
	s := mustNew(tb, f.host)
	s.SetTimings(300*time.Millisecond, time.Hour, 5*time.Millisecond)
	return s
}

// run makes the fake answer for a container that started at start.
func (f *fake) run(id string, start time.Time) {
	f.put(id, fmt.Sprintf(`{"Id":%q,"Name":"/name-%s","State":{"Running":true,"Pid":1,"StartedAt":%q}}`,
		id, id, start.Format(time.RFC3339Nano)))
}

func (f *fake) put(id, answer string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.containers[id] = answer
}

func (f *fake) stop(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.containers, id)
}

// breaks replaces the answer to requests whose path ends in part; nil repairs.
func (f *fake) breaks(part string, answer func(io.Writer)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken[part] = answer
}

func (f *fake) count(part string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[part]
}

// send sends a container's event to one subscriber.
func (f *fake) send(tb testing.TB, action, id string, at time.Time) {
	tb.Helper()
	f.sendText(tb, fmt.Sprintf(`{"Type":"container","Action":%q,"Actor":{"ID":%q,"Attributes":{"name":"event-%s"}},"timeNano":%d}`,
		action, id, id, at.UnixNano()))
}

func (f *fake) sendText(tb testing.TB, text string) {
	tb.Helper()
	select {
	case f.events <- text:
	case <-time.After(10 * time.Second):
		tb.Fatalf("nobody takes the event %s", text)
	}
}

// hangs never answers.
func (f *fake) hangs(io.Writer) { <-f.ended }

// garbles answers with what is no JSON.
func garbles(w io.Writer) { _, _ = io.WriteString(w, "\x00}garbage{") } // the reader may be gone

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	part := path.Base(r.URL.Path)
	id := ""
	if dir := path.Dir(r.URL.Path); part == "json" && path.Base(dir) != "containers" {
		part, id = path.Base(dir), path.Base(dir)
	} else if part == "json" {
		part = "list"
	}
	f.mu.Lock()
	f.calls[part]++
	broken, answer, running := f.broken[part], f.containers[id], f.list()
	f.mu.Unlock()
	w.Header().Set("Api-Version", "1.41")
	w.Header().Set("Content-Type", "application/json")
	switch {
	case broken != nil:
		broken(w)
	case part == "_ping":
	case part == "list":
		_, _ = io.WriteString(w, running) // the reader may be gone
	case part == "events":
		f.serveEvents(w, r)
	case answer == "":
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"message":"no such container"}`) // the reader may be gone
	default:
		_, _ = io.WriteString(w, answer) // the reader may be gone
	}
}

// list is called with mu held.
func (f *fake) list() string {
	list := []map[string]any{}
	for id := range f.containers {
		list = append(list, map[string]any{"Id": id, "Names": []string{"/list-" + id}})
	}
	text, _ := json.Marshal(list) // strings only
	return string(text)
}

func (f *fake) serveEvents(w http.ResponseWriter, r *http.Request) {
	_ = http.NewResponseController(w).Flush() // the reader may be gone
	for {
		select {
		case text := <-f.events:
			if text == "" {
				return
			}
			_, _ = io.WriteString(w, strings.TrimSpace(text)+"\n") // the reader may be gone
			_ = http.NewResponseController(w).Flush()              // the same
		case <-r.Context().Done():
			return
		case <-f.ended:
			return
		}
	}
}
