// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/boathook/boathook/internal/testutil"
)

// patience is how long a run may take to say or do what is waited for.
const patience = 30 * time.Second

// background is a boathook that runs while the script goes on.
type background struct {
	cmd  *exec.Cmd
	done chan error
}

func (b *background) kill() {
	_ = b.cmd.Process.Kill() // fails if it has ended
	<-b.done
}

// start runs boathook in the background, in a network namespace if one is given;
// its output goes to NAME.out and NAME.err:
//
//	start NAME [@NETNS] ARGUMENT...
func start(ts *testscript.TestScript, args []string) {
	words := append([]string{"boathook"}, args[1:]...)
	if ns, ok := strings.CutPrefix(args[1], "@"); ok {
		words = append([]string{"nsenter", "--net=" + testutil.Path(stageOf(ts).find(ts, ns)), "boathook"}, args[2:]...)
	}
	stdout, err := os.Create(ts.MkAbs(args[0] + ".out"))
	ts.Check(err)
	defer stdout.Close()
	stderr, err := os.Create(ts.MkAbs(args[0] + ".err"))
	ts.Check(err)
	defer stderr.Close()
	cmd := exec.Command(program(ts, words[0]), words[1:]...) //nolint:noctx // end and the end of the script end it
	cmd.Dir, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), stdout, stderr
	for _, name := range []string{"PATH", "DOCKER_HOST", "HOME", "TMPDIR"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	ts.Check(cmd.Start())
	run := &background{cmd: cmd, done: make(chan error, 1)}
	go func() {
		run.done <- cmd.Wait()
		close(run.done)
	}()
	stageOf(ts).runs[args[0]] = run
}

// program finds a command where exec would.
func program(ts *testscript.TestScript, name string) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	ts.Fatalf("no %s in PATH", name)
	return ""
}

// await waits until a file matches a pattern:
//
//	await FILE PATTERN
func await(ts *testscript.TestScript, args []string) {
	pattern := regexp.MustCompile("(?m)" + args[1])
	var text []byte
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !pattern.Match(text) {
		if time.Now().After(deadline) {
			ts.Fatalf("no %q in %s within %s:\n%s", args[1], args[0], patience, text)
		}
		<-tick.C
		var err error
		text, err = os.ReadFile(ts.MkAbs(args[0]))
		ts.Check(err)
	}
}

// end sends a signal to a run, or none (-) to one that ends by itself, and waits
// for its exit code:
//
//	end NAME SIGNAL CODE
func end(ts *testscript.TestScript, args []string) {
	run := stageOf(ts).runs[args[0]]
	if run == nil {
		ts.Fatalf("no run %s", args[0])
	}
	if sig, ok := map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP}[args[1]]; ok {
		if signal.Ignored(sig) { // under nohup, which runs inherit
			sig = syscall.SIGTERM
		}
		ts.Check(run.cmd.Process.Signal(sig))
	}
	want, err := strconv.Atoi(args[2])
	ts.Check(err)
	select {
	case err = <-run.done:
	case <-time.After(patience):
		ts.Fatalf("%s runs on", args[0])
	}
	if got := exitCode(ts, err); got != want {
		ts.Fatalf("exit code %d, want %d:\n%s", got, want, strings.TrimSpace(ts.ReadFile(args[0]+".err")))
	}
}
