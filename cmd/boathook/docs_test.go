// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

// documents are those whose commands must work as they are written.
func documents(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, pattern := range []string{"../../*.md", "../../docs/*.md"} {
		files, err := filepath.Glob(pattern)
		qt.Assert(t, qt.IsNil(err))
		for _, file := range files {
			text, err := os.ReadFile(file)
			qt.Assert(t, qt.IsNil(err))
			texts[filepath.Base(file)] = string(text)
		}
	}
	return texts
}

// Every command line of ours in a document parses: its verb, flags and their values.
func TestCommandsInDocumentsParse(t *testing.T) {
	t.Parallel()
	command := regexp.MustCompile(`(?m)^(?:# |\$ )?(?:sudo )?boathook ([a-z]+.*)$`)
	found := 0
	for name, text := range documents(t) {
		for _, line := range command.FindAllStringSubmatch(text, -1) {
			words, _, _ := strings.Cut(line[1], "#")
			args := append(strings.Fields(strings.ReplaceAll(words, "'", "")), "--help")
			var out, errs bytes.Buffer
			code := execute(t.Context(), env{stdout: &out, stderr: &errs}, args)
			qt.Check(t, qt.Equals(code, 0), qt.Commentf("%s: boathook %s: %s", name, words, errs.String()))
			found++
		}
	}
	qt.Check(t, qt.IsTrue(found >= 8), qt.Commentf("%d commands found", found))
}

// Every target of make that a document names exists.
func TestMakeTargetsInDocumentsExist(t *testing.T) {
	t.Parallel()
	target := regexp.MustCompile("(?:sudo |`)make ([a-z-]+)")
	for name, text := range documents(t) {
		for _, match := range target.FindAllStringSubmatch(text, -1) {
			err := exec.CommandContext(t.Context(), "make", "-C", "../..", "-n", match[1]).Run()
			qt.Check(t, qt.IsNil(err), qt.Commentf("%s: make %s", name, match[1]))
		}
	}
}
