// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/testutil"
)

func TestAContainerThatDoesNotExistIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	near := w.run(t, "nginx")
	c := w.start(t, testutil.ObjectPath(t, "dropall"), "-c", w.name("ngnix"))
	c.says(t, "boathook: no container matches \""+w.name("ngnix")+"\", waiting\nhint: near it: "+near.name)
	end := c.stop(t)
	qt.Check(t, qt.Equals(end.code, 3))
	qt.Check(t, qt.Matches(end.stderr, `(?s).*\nboathook: nothing matched\n`))

	c = w.start(t, testutil.ObjectPath(t, "dropall"), "-c", w.name("ngnix"), "--no-follow")
	c.wait(t).fails(t, 3, "no container matches .*", "near it: "+near.name+".*")
	qt.Check(t, qt.IsFalse(near.hooked(t, near.link(t, "eth0"))))
}

func TestEveryContainerThatMatchesIsAttached(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, two := w.run(t, "web-1"), w.run(t, "web-2")
	c := w.start(t, testutil.ObjectPath(t, "dropall"), "-c", w.name("web-?"), "-o", "json")
	c.ready(t, 4, 2)
	outside := w.station(t)
	exchange(t, c, route{one.link(t, "eth0"), one.station(t), outside}, one.name)
	exchange(t, c, route{two.link(t, "eth0"), two.station(t), outside}, two.name)
	c.stop(t).ok(t)
}

func TestADockerThatDoesNotAnswerIsAnError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	qt.Assert(t, qt.IsNil(os.WriteFile(file, []byte("not a socket"), 0o600)))
	object := testutil.ObjectPath(t, "dropall")
	for name, socket := range map[string]string{
		"not there":    filepath.Join(dir, "missing"),
		"not a socket": file,
		"hung":         listen(t, "hung", func(net.Conn) {}),
		"not docker": listen(t, "other", func(conn net.Conn) {
			_, _ = conn.Write([]byte("SSH-2.0-other\r\n")) // the other side may hang up first
			_ = conn.Close()
		}),
		"not docker but http": listen(t, "http", func(conn net.Conn) {
			_, _ = conn.Read(make([]byte, 1024)) // the whole request
			_, _ = conn.Write([]byte("HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno\n"))
			_ = conn.Close()
		}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const hint = ".*--runtime docker=SOCKET.*"
			const message = "no container runtime answers: .*"
			byEnvironment := start(t, []string{"DOCKER_HOST=unix://" + socket}, object, "-c", "web")
			byFlag := start(t, nil, object, "-c", "web", "--runtime", "docker="+socket)
			byEnvironment.wait(t).fails(t, 1, message+socket+".*", hint)
			byFlag.wait(t).fails(t, 1, message+socket+".*", hint)
		})
	}
}

// listen answers every connection on a socket until the test ends.
func listen(tb testing.TB, name string, answer func(net.Conn)) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "bhs") //nolint:usetesting // short: the path of a socket has 107 bytes at most
	qt.Assert(tb, qt.IsNil(err))
	path := filepath.Join(dir, name)
	listener, err := net.Listen("unix", path) //nolint:noctx // closed with the test
	qt.Assert(tb, qt.IsNil(err))
	var mu sync.Mutex
	var conns []net.Conn
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			conn, err := listener.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
			answer(conn)
		}
	})
	tb.Cleanup(func() {
		qt.Check(tb, qt.IsNil(listener.Close()))
		accepting.Wait()
		for _, conn := range conns {
			_ = conn.Close() // answer may have closed it
		}
		qt.Check(tb, qt.IsNil(os.RemoveAll(dir)))
	})
	return path
}
