// SPDX-License-Identifier: Apache-2.0

package kernel_test

import (
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/testutil"
)

// childVariable is set in a copy of the test binary that runs one test with
// other rights.
const childVariable = "BOATHOOK_TEST_CHILD"

func inChild() bool { return os.Getenv(childVariable) == "1" }

func asNobody() *syscall.SysProcAttr {
	const nobody = 65534
	return &syscall.SysProcAttr{
		Credential: &syscall.Credential{Uid: nobody, Gid: nobody},
	}
}

// asRootOfUserNamespace has every capability, but not over the host.
func asRootOfUserNamespace() *syscall.SysProcAttr {
	one := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}}
	return &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWUSER, UidMappings: one, GidMappings: one,
	}
}

// runInChild runs the calling test again in a process with other rights.
func runInChild(t *testing.T, rights func() *syscall.SysProcAttr) {
	t.Helper()
	// The directory of the test binary may be closed to others; this path is
	// not.
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), childVariable+"=1")
	cmd.Dir = "/"
	cmd.SysProcAttr = rights()
	out, err := cmd.CombinedOutput()
	if len(out) == 0 {
		testutil.SkipIfNotSupported(t, err)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
