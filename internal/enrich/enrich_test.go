// SPDX-License-Identifier: Apache-2.0

package enrich_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/internal/enrich"
	"github.com/go-quicktest/qt"
)

const inode = 4026532281

func names(x *enrich.Index) []string {
	list := []string{}
	for _, c := range x.Containers(inode) {
		list = append(list, c.Name)
	}
	return list
}

func TestContainersOfANetnsAreListedByNameAndOnce(t *testing.T) {
	t.Parallel()
	var x enrich.Index
	qt.Check(t, qt.HasLen(names(&x), 0))
	x.Add(inode, container.Container{ID: "1", Name: "web"})
	x.Add(inode, container.Container{ID: "2", Name: "side"})
	x.Add(inode+1, container.Container{ID: "3", Name: "other"})
	x.Add(inode, container.Container{ID: "1", Name: "app"})
	qt.Check(t, qt.DeepEquals(names(&x), []string{"app", "side"}))
}

func TestAContainerThatIsGoneIsRememberedForItsLastRecords(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var x enrich.Index
		x.Add(inode, container.Container{ID: "1", Name: "app"})
		x.Add(inode, container.Container{ID: "2", Name: "side"})
		x.Remove(container.Container{ID: "2"})
		qt.Check(t, qt.DeepEquals(names(&x), []string{"app", "side"}))
		<-time.After(11 * time.Second)
		qt.Check(t, qt.DeepEquals(names(&x), []string{"app"}))
	})
}

func TestAReusedInodeHasNothingToDoWithWhatIsGone(t *testing.T) {
	t.Parallel()
	var x enrich.Index
	x.Add(inode, container.Container{ID: "1", Name: "old"})
	x.Remove(container.Container{ID: "1"})
	qt.Check(t, qt.DeepEquals(names(&x), []string{"old"}))
	x.Add(inode, container.Container{ID: "2", Name: "new"})
	qt.Check(t, qt.DeepEquals(names(&x), []string{"new"}))
}
