using UnityEngine;

namespace Spark.Platformer2D
{
    /// <summary>
    /// Carries whoever stands on it between its start and an offset, easing at both ends. It moves as a kinematic body in
    /// FixedUpdate, and tells its velocity so that a rider can add it to its own.
    /// </summary>
    [RequireComponent(typeof(Rigidbody2D), typeof(BoxCollider2D))]
    [DefaultExecutionOrder(-10)]
    public sealed class MovingPlatform : MonoBehaviour
    {
        [SerializeField] private Vector2 travel = new Vector2(4f, 0f);
        [SerializeField, Min(0.1f)] private float secondsPerTrip = 2.5f;

        private Rigidbody2D body;
        private Vector2 origin;
        private float time;

        /// <summary>Units per second over the current physics step.</summary>
        public Vector2 Velocity { get; private set; }

        private void Awake()
        {
            body = GetComponent<Rigidbody2D>();
            body.bodyType = RigidbodyType2D.Kinematic;
            body.interpolation = RigidbodyInterpolation2D.Interpolate;
            origin = body.position;
        }

        private void FixedUpdate()
        {
            time += Time.fixedDeltaTime;
            float phase = Mathf.PingPong(time / secondsPerTrip, 1f);
            Vector2 target = origin + travel * Mathf.SmoothStep(0f, 1f, phase);
            Velocity = (target - body.position) / Time.fixedDeltaTime;
            body.MovePosition(target);
        }

        private void OnDrawGizmosSelected()
        {
            Vector3 from = Application.isPlaying ? (Vector3)origin : transform.position;
            Gizmos.color = Color.cyan;
            Gizmos.DrawLine(from, from + (Vector3)travel);
        }
    }
}
