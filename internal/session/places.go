// SPDX-License-Identifier: Apache-2.0

package session

import (
	"os"

	"github.com/boathook/boathook/container/docker"
	"github.com/boathook/boathook/container/netnsdir"
	"github.com/boathook/boathook/internal/doctor"
)

// Places are where doctor looks for runtimes: where [Sources] asks for
// containers, and, unless some are named, where others have their sockets.
func Places(named []string) ([]doctor.Place, error) {
	sources, err := Sources(named)
	if err != nil {
		return nil, err
	}
	var places []doctor.Place
	for _, source := range sources {
		switch source := source.(type) {
		case *docker.Source:
			places = append(places, doctor.Place{
				Runtime: docker.Name, Address: source.Host(), Protocol: doctor.DockerAPI, Wanted: len(named) > 0,
			})
		case *netnsdir.Source:
			places = append(places, doctor.Place{
				Runtime: netnsdir.Name, Address: source.Dir(), Protocol: doctor.Directory, Wanted: len(named) > 0,
			})
		}
	}
	if len(named) > 0 {
		return places, nil
	}
	for _, place := range doctor.UsualPlaces(os.Getenv) {
		if place.Runtime != docker.Name && place.Runtime != netnsdir.Name {
			places = append(places, place)
		}
	}
	return places, nil
}
