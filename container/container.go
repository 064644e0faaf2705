// SPDX-License-Identifier: Apache-2.0

package container

// Container is one running container as its runtime describes it. It is a
// plain value: a [Source] never changes one that it has emitted, and a receiver
// must not change Labels or Pod, which copies share.
//
// The identity of a container is (Runtime, ID). Names are for people: they can
// change while the container runs.
type Container struct {
	// Runtime names the source that reported it: "docker", "netns".
	Runtime string
	// ID is unique within the runtime, also over time where the runtime
	// allows it. A named network namespace has its name as ID.
	ID string
	// Name is what people call it. It may be empty.
	Name string
	// Image is the image as the user wrote it, such as "nginx:1". It may be empty.
	Image string
	// Labels are the runtime's labels. It may be nil.
	Labels map[string]string

	// PID is a process inside, in the pid namespace of this process; 0 if none
	// is known.
	PID int
	// NetnsPath leads to the network namespace. It is used when PID is 0 and
	// may be empty otherwise.
	NetnsPath string
	// HostNetwork is true if the runtime says that the container has no network
	// namespace of its own.
	HostNetwork bool
	// RuntimePID is the runtime's daemon, in whose network namespace the host
	// ends of the container's links are; 0 if it is not known.
	RuntimePID int

	// Pod is the Kubernetes pod; nil outside Kubernetes.
	Pod *Pod
}

// Pod is the Kubernetes pod that a container belongs to. UID is unique in the
// cluster, also over time.
type Pod struct {
	Namespace string
	Name      string
	UID       string
}
