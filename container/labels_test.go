// SPDX-License-Identifier: Apache-2.0

package container_test

import (
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/container"
)

func TestLabelSelectorHasKubectlsMeaning(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		selector string
		want     bool
	}{
		{"", true},
		{" ", true},
		{"app=shop", true},
		{"app==shop", true},
		{" app = shop ", true},
		{"app=cart", false},
		{"app!=cart", true},
		{"app!=shop", false},
		{"none!=x", true},
		{"none=x", false},
		{"empty=", true},
		{"app=", false},
		{"app!=", true},
		{"app", true},
		{"none", false},
		{"!none", true},
		{"! app", false},
		{"app in (cart, shop)", true},
		{"app in (cart)", false},
		{"none in (cart)", false},
		{"empty in (,x)", true},
		{"app notin (cart)", true},
		{"app notin(cart,shop)", false},
		{"none notin (shop)", true},
		{"app=shop,tier=front", true},
		{"app=shop,tier=back", false},
		{"app,!none,tier in (front,back)", true},
		{"in in (in)", false},
		{"com.example/a-b_c=1.2", false},
	} {
		s := mustParse(t, nil, nil, []string{tt.selector})
		qt.Check(t, qt.Equals(s.Match(web()), tt.want), qt.Commentf("%q", tt.selector))
	}
}

func TestRepeatedLabelSelectorsMustAllHold(t *testing.T) {
	t.Parallel()
	qt.Assert(t, qt.IsTrue(mustParse(t, nil, nil, []string{"app=shop", "tier"}).Match(web())))
	qt.Assert(t, qt.IsFalse(mustParse(t, nil, nil, []string{"app=shop", "!tier"}).Match(web())))
}

func TestLabelSelectorSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for selector, want := range map[string]string{
		"=x":         `parse label selector "=x": found "=", expected a label's key`,
		"a=b,":       `.*: expected a label's key at the end`,
		"!":          `.*: expected a label's key at the end`,
		"a b":        `.*: found "b" after "a", expected =, ==, !=, in, notin or a comma`,
		"a=b c":      `.*: found "c", expected a comma or the end`,
		"a in":       `.*: found "", expected \( and the values of "a"`,
		"a in ()":    `.*: expected at least one value of "a" between \( and \)`,
		"a in (b":    `.*: found "", expected a comma or \) after the values of "a"`,
		"a in (b c)": `.*: found "c", expected a comma or \) after the values of "a"`,
		"a!b":        `.*: found "!" after "a", .*`,
	} {
		_, err := container.ParseSelector(nil, nil, []string{selector})
		qt.Check(t, qt.ErrorMatches(err, want), qt.Commentf("%q", selector))
	}
}

func FuzzParseLabelSelector(f *testing.F) {
	for _, seed := range []string{"a=b", "a in (x,y),!b", "a!=", "((", "a==,b", "\xff=\x00", "in notin (in)"} {
		f.Add(seed)
	}
	f.Fuzz(func(_ *testing.T, text string) {
		// It must end, without a panic, for any input.
		if s, err := container.ParseSelector(nil, nil, []string{text}); err == nil {
			s.Match(web())
		}
	})
}
