// SPDX-License-Identifier: Apache-2.0

package baseline_test

import (
	"testing"

	"github.com/boathook/boathook/internal/testutil"
)

func TestMain(m *testing.M) { testutil.Main(m) }
