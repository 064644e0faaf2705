// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

func TestNewOwnerIsOfThisBoot(t *testing.T) {
	t.Parallel()
	o, err := NewOwner("run-1")
	qt.Assert(t, qt.IsNil(err))
	raw, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(o, Owner{Instance: "run-1", BootID: strings.TrimSpace(string(raw))}))
	_, err = NewOwner("")
	qt.Check(t, qt.ErrorIs(err, errOwner))
}

func TestReadBootIDNamesItsOperation(t *testing.T) {
	t.Parallel()
	_, err := readBootID(filepath.Join(t.TempDir(), "none"))
	qt.Check(t, qt.ErrorMatches(err, "read boot id: .*"))
}

func TestTagIsReadBack(t *testing.T) {
	t.Parallel()
	o := Owner{Instance: "i-1", BootID: "d1ff-22"}
	for _, test := range []struct {
		tag  string
		want tagged
	}{
		{o.tag(), tagged{owner: o}},
		{o.qdiscTag(), tagged{owner: o, madeQdisc: true}},
	} {
		got, ok := parseTag(test.tag)
		qt.Check(t, qt.IsTrue(ok))
		qt.Check(t, qt.Equals(got, test.want))
	}
	qt.Check(t, qt.Equals(o.qdiscTag(), "boathook/i-1/d1ff-22/q=1"))
}

func TestTagOfTheLongestInstance(t *testing.T) {
	t.Parallel()
	o := Owner{BootID: "b"}
	o.Instance = strings.Repeat("i", maxTag-len(o.tag()))
	qt.Check(t, qt.IsNil(o.check()))
	qt.Check(t, qt.HasLen(o.tag(), 255))
	o.Instance += "i"
	qt.Check(t, qt.IsNotNil(o.check()))
}

func TestForeignNamesAreNoTags(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"", "boathook", "boathook/", "boathook/a/b", "boathook/a/b/", "boathook/a/b/q=2", "boathook/a/b/q=1/",
		"boathook/a/b/c/q=1", "boathook//b/q=1", "boathook/a//q=1", "Boathook/a/b/q=1", " boathook/a/b/q=1",
		"boathook/a\n/b/q=1", "boathook/a/b/q=1 ", "cil_from_netdev:[123]", "boathook/" + strings.Repeat("a", 300) + "/b/q=1",
	} {
		_, ok := parseTag(name)
		qt.Check(t, qt.IsFalse(ok), qt.Commentf("%q", name))
	}
}

func FuzzParseTag(f *testing.F) {
	f.Add("boathook/a/b/q=1")
	f.Fuzz(func(t *testing.T, name string) {
		tag, ok := parseTag(name)
		if !ok {
			return
		}
		want := tag.owner.tag()
		if tag.madeQdisc {
			want = tag.owner.qdiscTag()
		}
		qt.Check(t, qt.Equals(name, want))
	})
}
