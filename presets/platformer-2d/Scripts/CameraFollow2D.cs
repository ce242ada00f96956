using UnityEngine;

namespace Spark.Platformer2D
{
    /// <summary>
    /// Follows a target smoothly. Small movements inside the dead zone leave the picture still, and the view never leaves the
    /// level's bounds.
    /// </summary>
    [RequireComponent(typeof(Camera))]
    public sealed class CameraFollow2D : MonoBehaviour
    {
        [SerializeField] private Transform target;
        [SerializeField] private Vector2 deadZone = new Vector2(1.5f, 1f);
        [SerializeField] private Vector2 offset = new Vector2(0f, 1f);
        [SerializeField, Min(0f)] private float smoothSeconds = 0.18f;
        [SerializeField] private bool limited = true;
        [SerializeField] private Rect bounds = new Rect(0f, 0f, 64f, 16f);

        private Camera view;
        private Vector2 focus;
        private Vector3 velocity;

        public void Follow(Transform next)
        {
            target = next;
            SnapToTarget();
        }

        /// <summary>Looks at the target at once, for a start or a respawn.</summary>
        public void SnapToTarget()
        {
            if (target == null) return;
            focus = (Vector2)target.position + offset;
            velocity = Vector3.zero;
            transform.position = Limit(focus);
        }

        private void Awake()
        {
            view = GetComponent<Camera>();
        }

        private void Start()
        {
            SnapToTarget();
        }

        private void LateUpdate()
        {
            if (target == null) return;
            Vector2 wanted = (Vector2)target.position + offset;
            focus.x = Approach(focus.x, wanted.x, deadZone.x);
            focus.y = Approach(focus.y, wanted.y, deadZone.y);
            transform.position = Vector3.SmoothDamp(transform.position, Limit(focus), ref velocity, smoothSeconds);
        }

        /// <summary>Moves a coordinate only as far as keeps the wanted one within the zone.</summary>
        private static float Approach(float current, float wanted, float zone)
        {
            return Mathf.Clamp(current, wanted - zone * 0.5f, wanted + zone * 0.5f);
        }

        private Vector3 Limit(Vector2 point)
        {
            if (limited)
            {
                float halfHeight = view.orthographicSize;
                float halfWidth = halfHeight * view.aspect;
                point.x = Within(point.x, bounds.xMin + halfWidth, bounds.xMax - halfWidth);
                point.y = Within(point.y, bounds.yMin + halfHeight, bounds.yMax - halfHeight);
            }

            return new Vector3(point.x, point.y, transform.position.z);
        }

        /// <summary>A level smaller than the view is centred.</summary>
        private static float Within(float value, float min, float max)
        {
            return min > max ? (min + max) * 0.5f : Mathf.Clamp(value, min, max);
        }

        private void OnDrawGizmosSelected()
        {
            Gizmos.color = Color.magenta;
            if (limited) Gizmos.DrawWireCube(bounds.center, bounds.size);
            Gizmos.DrawWireCube(transform.position, deadZone);
        }
    }
}
