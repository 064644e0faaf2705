// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/boathook/boathook/internal/testutil"
	"github.com/boathook/boathook/internal/testutil/schematest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"boathook": main})
}

func TestScripts(t *testing.T) {
	t.Parallel()

	objects := filepath.Dir(testutil.ObjectPath(t, "gadget"))
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			tb, ok := env.T().(testing.TB)
			if !ok {
				return errors.New("scripts need a testing.TB")
			}
			stage := newStage(tb, env.WorkDir)
			env.Values[stageKey{}] = stage
			env.Defer(stage.clear)
			env.Setenv("OBJECTS", objects)
			env.Setenv("NETNS", stage.names)
			// A docker of this host is none of the scripts' business.
			env.Setenv("DOCKER_HOST", "unix://"+filepath.Join(env.WorkDir, "docker.sock"))
			return os.Mkdir(stage.names, 0o755)
		},
		Cmds: commands(),
	})
}

// command is one of a script, which takes a number of arguments.
type command = func(ts *testscript.TestScript, neg bool, args []string)

func commands() map[string]command {
	return map[string]command{
		"expect":  checked(1, 99, expect),
		"refuses": checked(4, 99, refuses),
		"schema":  checked(2, 2, schema),
		"netns":   checked(1, 99, makeNetns),
		"veth":    checked(6, 6, makeVeth),
		"udp":     checked(3, 3, sendUDP),
		"traffic": checked(2, 2, keepSending),
		"start":   checked(2, 99, start),
		"await":   checked(2, 2, await),
		"end":     checked(3, 3, end),
		"nohooks": checked(1, 99, noHooks),
	}
}

func checked(least, most int, run func(ts *testscript.TestScript, args []string)) command {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) < least || len(args) > most {
			ts.Fatalf("%d arguments, or a !", len(args))
		}
		run(ts, args)
	}
}

// expect runs boathook, which must exit with a code:
//
//	expect CODE ARGUMENT...
func expect(ts *testscript.TestScript, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := exitCode(ts, ts.Exec("boathook", args[1:]...)); got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// refuses runs boathook, which must exit with a code, one line that matches a
// pattern, and a hint that matches another:
//
//	refuses CODE LINE HINT ARGUMENT...
func refuses(ts *testscript.TestScript, args []string) {
	expect(ts, append([]string{args[0]}, args[3:]...))
	lines := strings.Split(strings.TrimSuffix(ts.ReadFile("stderr"), "\n"), "\n")
	if len(lines) != 2 {
		ts.Fatalf("%d lines on stderr, want one and a hint", len(lines))
	}
	for i, pattern := range []string{"^boathook: .*(" + args[1] + ")", "^hint: .*(" + args[2] + ")"} {
		if !regexp.MustCompile(pattern).MatchString(lines[i]) {
			ts.Fatalf("%q does not match %q", lines[i], pattern)
		}
	}
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("on stdout: %q", out)
	}
}

// schema holds each line of a file, or of stdout or stderr, against docs/schema:
//
//	schema NAME FILE
func schema(ts *testscript.TestScript, args []string) {
	text := ts.ReadFile(args[1])
	if text == "" {
		ts.Fatalf("%s is empty", args[1])
	}
	schematest.Check(stageOf(ts).tb, args[0], []byte(text))
}

// exitCode is that of a command that ended with err.
func exitCode(ts *testscript.TestScript, err error) int {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	ts.Check(err)
	return 0
}
