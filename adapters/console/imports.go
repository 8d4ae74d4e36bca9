package console

import (
	"context"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/userimport"
)

// The operations of an import. A file is sent in batches, so that its size is not limited and progress can be
// reported.
var (
	ImportRoles  = Define[ImportRoleBatch, ImportResult]("import.roles")
	ImportUsers  = Define[ImportUserBatch, ImportResult]("import.users")
	ImportFinish = Define[ImportSummary, struct{}]("import.finish")
)

// ImportRoleBatch is a number of roles to take over.
type ImportRoleBatch struct {
	Roles  []ImportRole `json:"roles"`
	Places []string     `json:"places"` // of each
	DryRun bool         `json:"dry_run,omitempty"`
}

// ImportUserBatch is a number of users to take over.
type ImportUserBatch struct {
	Users    []ImportUser `json:"users"`
	Places   []string     `json:"places"`
	DryRun   bool         `json:"dry_run,omitempty"`
	NewRoles []string     `json:"new_roles,omitempty"` // for a dry run: what the import would have made before
	// DropUnknownHashes creates users whose hash is not supported without it, pending and with an activation mail.
	DropUnknownHashes bool `json:"drop_unknown_hashes,omitempty"`
}

// ImportResult says what became of a batch.
type ImportResult struct {
	Created   int             `json:"created"`
	Unchanged int             `json:"unchanged"`
	Problems  []ImportProblem `json:"problems"`        // rows that are not in, and why
	Notes     []ImportProblem `json:"notes,omitempty"` // rows that are in otherwise than they say
}

// Add counts another batch in.
func (r *ImportResult) Add(other ImportResult) {
	r.Created += other.Created
	r.Unchanged += other.Unchanged
	r.Problems = append(r.Problems, other.Problems...)
	r.Notes = append(r.Notes, other.Notes...)
}

// ImportSummary is the content of the audit entry of a whole import.
type ImportSummary struct {
	Source    string `json:"source"`
	Created   int    `json:"created"`
	Unchanged int    `json:"unchanged"`
	Refused   int    `json:"refused"`
}

type imports struct{ service *userimport.Service }

func importOperations(i imports) []Handler {
	return []Handler{ImportRoles.Handle(i.roles), ImportUsers.Handle(i.users), ImportFinish.Handle(i.finish)}
}

func (i imports) roles(ctx context.Context, call Call, in ImportRoleBatch) (ImportResult, error) {
	batch := make([]userimport.Role, len(in.Roles))
	for n, r := range in.Roles {
		batch[n] = userimport.Role{Identifier: r.Identifier, Name: r.Name, Level: r.Level}
	}
	results, err := i.service.Roles(ctx, call.By, batch, in.DryRun)
	return resultOf(results, in.Places), err
}

func (i imports) users(ctx context.Context, call Call, in ImportUserBatch) (ImportResult, error) {
	batch := userimport.Batch{
		Users: make([]userimport.User, len(in.Users)), DryRun: in.DryRun, Roles: in.NewRoles,
		DropUnknownHashes: in.DropUnknownHashes,
	}
	for n, u := range in.Users {
		batch.Users[n] = userimport.User{
			Identifier: u.Identifier, Username: u.Username, Email: u.Email, EmailVerified: u.EmailVerified,
			FamilyName: u.FamilyName, Person: domain.Person{FullName: u.FullName, PhoneNumber: u.PhoneNumber}, Role: u.Role, Groups: u.Groups, Status: u.Status, Metadata: u.Metadata,
			Directory: u.Directory, Subject: u.Subject, PasswordHash: u.PasswordHash, PasswordSetAt: u.PasswordSetAt.Time, CreatedAt: u.CreatedAt.Time,
		}
	}
	results, err := i.service.Users(ctx, call.By, batch)
	return resultOf(results, in.Places), err
}

func resultOf(results []userimport.Result, places []string) ImportResult {
	sum := ImportResult{Problems: []ImportProblem{}}
	for n, r := range results {
		told := ImportProblem{Reason: r.Reason}
		if n < len(places) {
			told.Place = places[n]
		}
		switch r.Outcome {
		case userimport.Created:
			sum.Created++
		case userimport.Unchanged:
			sum.Unchanged++
		case userimport.Refused:
			sum.Problems = append(sum.Problems, told)
			continue
		}
		if r.Reason != "" {
			sum.Notes = append(sum.Notes, told)
		}
	}
	return sum
}

func (i imports) finish(ctx context.Context, call Call, in ImportSummary) (struct{}, error) {
	return struct{}{}, i.service.Finish(ctx, call.By, in.Source, in.Created, in.Unchanged, in.Refused)
}
