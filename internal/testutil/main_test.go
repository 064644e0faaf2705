// SPDX-License-Identifier: Apache-2.0

package testutil_test

import (
	"testing"

	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

func TestMain(m *testing.M) { testutil.MainPrivate(m, preparePrivate) }

func preparePrivate() error {
	ns, err := netns.Self()
	if err != nil {
		return err
	}
	defer ns.Close()
	_, err = testutil.ExecErr(ns, "ip", "link", "add", "name", "prepared0", "type", "veth", "peer", "name", "prepared1")
	return err
}
