using UnityEngine;

namespace Spark.TopDownAction
{
    /// <summary>
    /// A small state machine: patrols around its home, chases what it sees, strikes when near, and gives up when the prey is far.
    /// It steers around walls by trying directions further and further from the straight one.
    /// </summary>
    [RequireComponent(typeof(Rigidbody2D), typeof(Health))]
    public sealed class EnemyAI : MonoBehaviour
    {
        private enum State
        {
            Patrol,
            Chase,
            Attack,
        }

        [Header("Moving")]
        [SerializeField, Min(0f)] private float patrolSpeed = 1.4f;
        [SerializeField, Min(0f)] private float chaseSpeed = 2.8f;
        [SerializeField, Min(0f)] private float patrolRadius = 3f;
        [SerializeField, Min(0f)] private float feelerLength = 0.9f;
        [SerializeField] private LayerMask obstacleLayers = Physics2D.DefaultRaycastLayers;

        [Header("Seeing")]
        [SerializeField, Min(0f)] private float sightRange = 6f;
        [SerializeField, Min(0f)] private float loseRange = 9f;

        [Header("Striking")]
        [SerializeField, Min(0f)] private float attackRange = 0.9f;
        [SerializeField, Min(0f)] private float windUpSeconds = 0.35f;
        [SerializeField, Min(0f)] private float recoverSeconds = 0.5f;
        [SerializeField, Min(1)] private int damage = 1;

        private static readonly float[] SteeringDegrees = { 0f, 30f, -30f, 60f, -60f, 95f, -95f, 140f, -140f };

        private readonly RaycastHit2D[] hits = new RaycastHit2D[6];
        private Rigidbody2D body;
        private ContactFilter2D obstacles;
        private Health target;
        private State state;
        private Vector2 home;
        private Vector2 waypoint;
        private float stateSince;
        private float waypointUntil;
        private bool struck;

        /// <summary>Starts anew around a place, after one prey.</summary>
        public void Begin(Vector2 place, Health prey)
        {
            home = place;
            target = prey;
            body.position = place;
            transform.position = place;
            Enter(State.Patrol);
            ChooseWaypoint();
        }

        private void Awake()
        {
            body = GetComponent<Rigidbody2D>();
            body.gravityScale = 0f;
            body.freezeRotation = true;
            home = transform.position;
            waypoint = home;
            obstacles = new ContactFilter2D { useTriggers = false };
            obstacles.SetLayerMask(obstacleLayers);
        }

        private void FixedUpdate()
        {
            float distance = HasTarget() ? Vector2.Distance(body.position, target.transform.position) : float.PositiveInfinity;
            switch (state)
            {
                case State.Patrol:
                    Patrol(distance);
                    break;
                case State.Chase:
                    Chase(distance);
                    break;
                case State.Attack:
                    Attack(distance);
                    break;
            }
        }

        private void Patrol(float distance)
        {
            if (distance <= sightRange && SeesTarget(distance))
            {
                Enter(State.Chase);
                return;
            }

            if (Time.time >= waypointUntil || Vector2.Distance(body.position, waypoint) < 0.3f) ChooseWaypoint();
            Steer(waypoint, patrolSpeed);
        }

        private void Chase(float distance)
        {
            if (distance > loseRange)
            {
                Enter(State.Patrol);
                ChooseWaypoint();
            }
            else if (distance <= attackRange)
            {
                Enter(State.Attack);
            }
            else
            {
                Steer(target.transform.position, chaseSpeed);
            }
        }

        /// <summary>Stands still, strikes once after the wind-up, and recovers: the player can read it and step away.</summary>
        private void Attack(float distance)
        {
            body.SetVelocity(Vector2.zero);
            float elapsed = Time.time - stateSince;
            if (!struck && elapsed >= windUpSeconds)
            {
                struck = true;
                if (distance <= attackRange * 1.25f) target.TakeDamage(damage, Team.Enemy);
            }

            if (elapsed >= windUpSeconds + recoverSeconds) Enter(State.Chase);
        }

        private void Enter(State next)
        {
            state = next;
            stateSince = Time.time;
            struck = false;
        }

        private bool HasTarget()
        {
            return target != null && target.IsAlive;
        }

        private bool SeesTarget(float distance)
        {
            Vector2 direction = (Vector2)target.transform.position - body.position;
            int count = Physics2D.Raycast(body.position, direction, obstacles, hits, distance);
            for (int i = 0; i < count; i++)
            {
                Rigidbody2D seen = hits[i].rigidbody;
                if (seen == null) return false;
            }

            return true;
        }

        private void ChooseWaypoint()
        {
            waypoint = home + Random.insideUnitCircle * patrolRadius;
            waypointUntil = Time.time + 3f;
        }

        private void Steer(Vector2 goal, float speed)
        {
            Vector2 wanted = goal - body.position;
            if (wanted.sqrMagnitude < 0.0001f)
            {
                body.SetVelocity(Vector2.zero);
                return;
            }

            wanted.Normalize();
            Vector2 chosen = Vector2.zero;
            foreach (float degrees in SteeringDegrees)
            {
                Vector2 candidate = Quaternion.Euler(0f, 0f, degrees) * wanted;
                if (IsBlocked(candidate)) continue;
                chosen = candidate;
                break;
            }

            body.SetVelocity(Vector2.Lerp(body.GetVelocity(), chosen * speed, 0.25f));
        }

        /// <summary>Only what does not move is in the way: others step aside by themselves.</summary>
        private bool IsBlocked(Vector2 direction)
        {
            int count = body.Cast(direction, obstacles, hits, feelerLength);
            for (int i = 0; i < count; i++)
            {
                Rigidbody2D other = hits[i].rigidbody;
                if (other == null || other.bodyType == RigidbodyType2D.Static) return true;
            }

            return false;
        }

        private void OnDrawGizmosSelected()
        {
            Gizmos.color = Color.yellow;
            Gizmos.DrawWireSphere(transform.position, sightRange);
            Gizmos.color = Color.red;
            Gizmos.DrawWireSphere(transform.position, attackRange);
        }
    }
}
