// The study page: choosing a finding, giving a verdict, following the ledger.
