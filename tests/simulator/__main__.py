from tests.simulator.run import main
raise SystemExit(main())
