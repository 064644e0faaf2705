// SPDX-License-Identifier: Apache-2.0

package dispatch_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/boathook/boathook/internal/testutil"
)

func TestMain(m *testing.M) {
	if index := os.Getenv(ownerVariable); index != "" {
		if err := attachAndWait(index); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1) //nolint:forbidigo // a child is a main of its own
		}
		return
	}
	testutil.Main(m)
}
