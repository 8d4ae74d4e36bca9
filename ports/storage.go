package ports

// Storage holds the ports of one store. A change and its outbox are one write only within one store.
type Storage struct {
	Users         UserStore
	Guard         AdminGuard
	Sessions      SessionStore
	View          SessionView
	Logins        LoginView
	Keys          APIKeyStore
	KeyView       KeyView
	Tokens        ThirdPartyTokenStore
	Roles         RoleStore
	Groups        GroupStore
	Settings      SettingsStore
	Catalog       CatalogView
	Attempts      AttemptStore
	Rates         RateLimiter
	SingleUse     SingleUseStore
	Decoys        DecoyStore
	Idempotency   IdempotencyStore
	Audit         AuditLog
	Seals         AuditSealStore
	SealLease     AuditSealLease
	Proofs        AuditProofs
	Eraser        AuditEraser
	Messages      MessageQueue
	Maintenance   Maintenance
	SigningKeys   SigningKeyStore
	SyncPositions SyncPositionStore
	Archive       Archive
	VerifyCache   VerifyCache // nil if the store belongs to one process
}
