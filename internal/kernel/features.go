// SPDX-License-Identifier: Apache-2.0

package kernel

import "runtime"

// Names of the features, as doctor prints them.
const (
	FeatureSchedCLS     = "sched_cls"
	FeatureJIT          = "jit"
	FeatureTailCalls    = "tail_calls_in_subprograms"
	FeatureTCX          = "tcx"
	FeatureClsact       = "clsact"
	FeatureTranslated   = "translated_instructions"
	FeatureBTF          = "btf"
	FeatureRingBuffer   = "ring_buffer"
	FeatureMemlock      = "memlock"
	FeatureNetnsCookie  = "netns_cookie"
	FeaturePidfd        = "pidfd"
	FeatureAllNSID      = "listen_all_nsid"
	FeatureNetkit       = "netkit"
	FeatureFanotifyPerm = "fanotify_permission_events"
)

// allProbes lists every probe in the order in which doctor shows them. The
// versions are those of the first release whose history holds the commit that
// is named beside each.
func allProbes() []probe {
	return append(programProbes(), append(hookProbes(), hostProbes()...)...)
}

func programProbes() []probe {
	return []probe{
		{Feature{
			Name: FeatureSchedCLS, Since: "4.1", // 96be4325f443
			With:      "tc programs can be loaded",
			Without:   "no tc program can be loaded: nothing works",
			Essential: true,
		}, trySchedCLS},
		{Feature{
			Name: FeatureJIT, Since: sinceJIT(),
			With:      "programs run as machine code, and the dispatcher can call them",
			Without:   "the dispatcher cannot call programs and come back: nothing can be attached",
			Essential: true,
		}, tryJIT},
		{Feature{
			Name: FeatureTailCalls, Since: sinceTailCalls(),
			With:      "programs return to the dispatcher, which keeps their verdicts from doing harm",
			Without:   "programs cannot return to the dispatcher: nothing can be attached",
			Essential: true,
		}, tryTailCall},
		{Feature{
			Name: FeatureTranslated, Since: "4.13", // 1e2709769086
			With:    "observe can check that a program does not write to packets",
			Without: "observe refuses every program, since it cannot see whether it writes to packets",
		}, tryTranslated},
		{Feature{
			Name: FeatureBTF, Since: "5.4", // 341dfcf8d78e, /sys/kernel/btf/vmlinux
			With:    "programs that read kernel structures (CO-RE) can be loaded",
			Without: "programs that read kernel structures (CO-RE) cannot be loaded, all others can",
		}, tryBTF},
		{Feature{
			Name: FeatureRingBuffer, Since: "5.8", // 457f44363a88
			With:    "programs that send events through a ring buffer can be loaded",
			Without: "programs that send events through a ring buffer cannot be loaded; perf event arrays work",
		}, tryRingBuffer},
		{Feature{
			Name: FeatureMemlock, Since: "5.11", // 80ee81e0403c
			With:    "RLIMIT_MEMLOCK does not limit programs and maps",
			Without: "programs and maps count against RLIMIT_MEMLOCK and may be refused with it",
		}, tryMemlock},
	}
}

func hookProbes() []probe {
	return []probe{
		{Feature{
			Name: FeatureTCX, Since: "6.6", // e420bed02507
			With:    "programs are attached as links that go with the process, in a stated order",
			Without: "programs are attached through clsact: slower, and behind every other tool's order",
		}, tryTCX},
		{Feature{
			Name: FeatureClsact, Since: "4.5", // 1f211a1b929c
			With:    "--backend clsact works, and other tools' filters can be listed",
			Without: "--backend clsact does not work",
		}, tryClsact},
		{Feature{
			Name: FeatureNetkit, Since: "6.7", // 35dfaad7188c
			With:    "the programs on netkit links can be listed",
			Without: "no container of this host can have a netkit link: nothing is lost",
		}, tryNetkit},
	}
}

func hostProbes() []probe {
	return []probe{
		{Feature{
			Name: FeatureNetnsCookie, Since: "5.14", // e8b9eab99232
			With:    "network namespaces are told apart by a number that is never used twice",
			Without: "network namespaces are told apart by inode while boathook holds them open",
		}, tryNetnsCookie},
		{Feature{
			Name: FeaturePidfd, Since: "5.3", // 32fcb426ec00
			With:    "--pid and containers mean the process that was named, never a later one with its number",
			Without: "processes cannot be held on to: --pid and containers do not work",
		}, tryPidfd},
		{Feature{
			Name: FeatureAllNSID, Since: "4.2", // 59324cf35aba
			With:    "links that appear inside a container later are seen at once",
			Without: "links that appear inside a container later are not seen, those on the host are",
		}, tryAllNSID},
		{Feature{
			Name: FeatureFanotifyPerm, Since: "5.0", // 66917a3130f2
			With:    "a container's start can be held until its links are attached",
			Without: "a container's start cannot be held until its links are attached",
		}, tryFanotifyPerm},
	}
}

// sinceJIT returns when the eBPF JIT of this architecture came.
func sinceJIT() string {
	if runtime.GOARCH == "amd64" {
		return "3.16" // 622582786c9e
	}
	return "3.18" // arm64, e54bcde3d69d
}

// sinceTailCalls returns when the JIT of this architecture learned tail calls
// from subprograms.
func sinceTailCalls() string {
	if runtime.GOARCH == "amd64" {
		return "5.10" // e411901c0b77
	}
	return "6.0" // arm64, d4609a5d8c70
}
