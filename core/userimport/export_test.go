package userimport

import (
	"context"

	"github.com/ostiary/ostiary/core/domain"
)

// Batch is an import of users whose results are all of interest.
type Batch struct {
	Users                     []User
	DryRun, DropUnknownHashes bool
}

// Users returns the results of a batch.
func (s *Service) Users(ctx context.Context, by domain.Principal, batch Batch) ([]Result, error) {
	i, err := s.Begin(by, Options{DryRun: batch.DryRun, DropUnknownHashes: batch.DropUnknownHashes})
	if err != nil {
		return nil, err
	}
	i.users = batch.Users
	return i.writeUsers(ctx)
}

// Roles returns the results of an import of roles.
func (s *Service) Roles(ctx context.Context, by domain.Principal, roles []Role, dryRun bool) ([]Result, error) {
	i, err := s.Begin(by, Options{DryRun: dryRun})
	if err != nil {
		return nil, err
	}
	results := make([]Result, len(roles))
	for n, role := range roles {
		if results[n], err = i.role(ctx, role); err != nil {
			return nil, err
		}
	}
	return results, nil
}
